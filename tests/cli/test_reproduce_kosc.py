"""``unsynth reproduce kosc`` and ``kosc-arms`` as they are typed."""

import json

import numpy as np
import torch

from tests.commands import output
from unsynth.cli.reproduce import _count_seeds, reproduce_kosc, reproduce_kosc_arms
from unsynth.flow.coupling import Coupling
from unsynth.models.kosc import Model
from unsynth.models.param2tok import Start
from unsynth.studies.kosc import arms as kosc_arms
from unsynth.studies.kosc.cell import Cell, CellSettings
from unsynth.studies.kosc.presets import LAPTOP
from unsynth.studies.kosc.training import Training
from unsynth.synths.kosc import KOsc, Ranges


def test_the_command_writes_figure_and_table(tmp_path):
    out = tmp_path / "study"
    options = "--k 1 --k 2 --seeds 1 --steps 1 --batch 4 --width 16 --items 6 --solver-steps 1"
    arguments = ["reproduce", "kosc", *options.split(), "--device", "cpu", "--out", str(out)]
    printed = output(*arguments)
    table, order_seen = (out / "table.md").read_text().split("## Is the paper's order seen?")
    for model in Model:
        assert printed.count(f"| {model.value} ") == 2 and table.count(f"| {model.value} ") == 2
    assert "not resolved" in order_seen and "as the paper" not in order_seen
    assert "1 steps of 4 sounds" in table and "k = 2: LAC" in table
    assert (out / "figure3.png").stat().st_size > 10_000
    assert (out / "learning.png").stat().st_size > 10_000
    assert len(list(out.glob("*.safetensors"))) == 2 * (6 + 5)


def test_a_preset_fills_in_what_is_not_given():
    def parameters(*arguments: str) -> dict:
        return reproduce_kosc.make_context("kosc", list(arguments)).params

    paper, laptop = parameters(), parameters("--preset", "laptop")
    assert paper["batch"] == 1024 and laptop["batch"] == LAPTOP.batch < 1024
    assert laptop["preconditioned"] and laptop["ks"] == (4, 8, 16, 32)
    assert paper["coupling"] is Coupling.OPTIMAL_TRANSPORT
    assert laptop["coupling"] is Coupling.ALIGNED
    assert paper["param2tok_start"] is Start.PAPER and laptop["param2tok_start"] is Start.RANDOM
    assert _count_seeds(laptop["ks"], None, "laptop") == {4: 3, 8: 3, 16: 1, 32: 1}
    assert _count_seeds(paper["ks"], None, "paper") == {4: 2}
    independent = parameters("--coupling", "independent", "--preset", "laptop")
    assert independent["coupling"] is Coupling.INDEPENDENT
    arms = reproduce_kosc_arms.make_context("kosc-arms", ["--preset", "laptop", "--flops", "1e9"])
    assert arms.params["batch"] == LAPTOP.batch and "coupling" not in arms.params
    given = parameters("--k", "2", "--batch", "5", "--preset", "laptop")
    assert given["batch"] == 5 and given["ks"] == (2,) and given["width"] == LAPTOP.width
    assert _count_seeds((2, 4), 1, "laptop") == {2: 1, 4: 1}


def test_arms_have_equal_flops_and_are_compared_item_by_item(tmp_path):
    options = ["--k", "3", "--seeds", "2", "--flops", "2e8", "--batch", "8", "--width", "16"]
    options += ["--items", "8", "--solver-steps", "2", "--learning-rate", "1e-3"]
    out = tmp_path / "arms"
    command = ["reproduce", "kosc-arms", *options, "--out", str(out)]
    output(*command)
    texts = [path.read_text() for path in out.glob("*-k3-*.json")]
    results = {(r["model"], r["condition"], r["seed"]): r for r in map(json.loads, texts)}
    assert len(results) == 2 * len(kosc_arms.ARMS)
    steps = {model: r["steps"] for (model, _, _), r in results.items()}
    for model, count in steps.items():
        cell = Cell(Model(model), Ranges.COMMON.value, KOsc(3, Ranges.COMMON), seed=0)
        settings = CellSettings(batch=8, width=16, learning_rate=1e-3)
        training = Training(cell, settings, torch.device("cpu"))
        assert count == int(2e8 / training.count_flops()) > 0
        training.close()
    assert steps["FFN (MSE)"] != steps["CNF (Param2Tok)"]
    aligned, transport = (
        np.array([results[model, condition, seed]["scores"]["lac"] for seed in range(2)])
        for model, condition in [
            ("CNF (Param2Tok)", "aligned"),
            ("CNF (Param2Tok)", "optimal transport"),
        ]
    )
    gaps = (aligned - transport).mean(axis=1)
    assert gaps.any() and f"{gaps[0]:+.4f}, {gaps[1]:+.4f}" in (out / "table.md").read_text()
