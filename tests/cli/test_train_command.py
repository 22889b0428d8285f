"""``unsynth train`` and ``unsynth export`` as they are typed."""

import json

from tests.commands import EXAMPLES, ROOT, failing, output


def test_a_dry_run_prints_costs_and_bad_files_are_named(tmp_path, capsys, index_file):
    file = ROOT / "experiments" / "dx7-small.yaml"
    small = ("--set", "model.field.layers=1", "--set", "model.encoder.layers=1")
    cost = json.loads(output("train", file, *small, "--dry-run", "--json"))
    assert 0 < cost["parameters"]["total"] < 2_302_960 and cost["flops_per_step"] > 0
    assert "model.field.layers" in failing(capsys, "train", file, "--set", "model.field.layer=1")
    assert "cannot be read" in failing(capsys, "export", tmp_path / "x", "--out", tmp_path / "y")
    options = ("--out", tmp_path / "out", "--index", index_file, "--model", tmp_path / "no")
    assert "no weight file" in failing(capsys, "match", EXAMPLES / "organ.flac", *options)
    assert not (tmp_path / "out").exists()
