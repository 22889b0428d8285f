"""Tables of scores and their intervals."""

import numpy as np
import pytest
from scipy import stats

from unsynth.evaluation.compare import mean_difference
from unsynth.evaluation.tables import (
    PUBLISHED,
    Table,
    format_difference,
    format_interval,
    mean_interval,
    published_scores,
    scores_table,
)
from unsynth.metrics.audio import METRICS


def item(mss: float, pitch: int | None, estimated_pitch: int, failed: bool = False) -> dict:
    scores = {"mss": mss, "wmfcc": 2 * mss, "sot": mss / 100, "rms": 1 - mss / 10}
    return {"pitch": pitch, "one.pitch": estimated_pitch, "one.failed": failed} | {
        f"one.{name}": value for name, value in scores.items()
    }


def test_intervals_equal_those_of_scipy():
    values = np.random.default_rng(0).normal(3.0, 2.0, 400)
    mean, half = mean_interval(values)
    low, high = stats.norm.interval(0.95, loc=values.mean(), scale=stats.sem(values))
    assert mean == pytest.approx(values.mean())
    assert (mean - half, mean + half) == pytest.approx((low, high), abs=1e-4)
    assert np.isnan(mean_interval(values[:1])[1])


def test_failures_are_scored_and_counted():
    items = [item(2.0, 60, 60), item(4.0, None, 10), item(6.0, 61, 49, failed=True)]
    table = scores_table(items, {"one": "one sample", "best": "absent estimate"})
    (row,) = table.rows
    assert row[0] == "one sample" and row[1].startswith("4.00 ± ")
    assert row[-2].startswith("50 ±") and row[-1] == "1"
    assert len(row) == len(table.headings) == len(METRICS) + 3


def test_item_without_other_channels_keeps_its_scores():
    stereo = item(2.0, None, 1) | {"one.mss_original": 5.0, "one.wmfcc_original": 0.0}
    stereo |= {"one.sot_original": 0.0, "one.rms_original": 1.0}
    items = [stereo, item(3.0, None, 1) | {"one.mss_original": None}]
    (row,) = scores_table(items, {"one": "one sample"}, "_original").rows
    assert row[1].startswith("4.00 ± ")


def test_published_scores_are_rows_of_the_table():
    table = scores_table(
        [item(2.0, None, 1)] * 2, {"one": "one sample"}, published=PUBLISHED["surge-full", "nsynth"]
    )
    assert table.rows[1][:3] == ["published: CNF (Param2Tok)", "11.04 ± 0.28", "19.71 ± 0.24"]
    assert len(table.rows) == 5


def test_markdown_is_aligned_and_latex_is_escaped():
    table = Table(["", "MSS ↓"], [["a_b & c", "1.0 ± 0.1"], ["d", "2"]])
    lines = table.markdown().splitlines()
    assert len({len(line) for line in lines}) == 1 and set(lines[1]) == {"|", "-"}
    assert r"a\_b \& c & 1.0 $\pm$ 0.1 \\" in table.latex()


def test_one_value_has_no_interval():
    one = np.array([-1.5])
    assert format_interval(*mean_interval(one), 2) == "-1.50"
    assert format_difference(*mean_difference(one), 2) == "-1.50"
    (row,) = scores_table([item(2.0, 60, 60)], {"one": "one sample"}).rows
    assert row[1:] == ["2.00", "4.00", "0.020", "0.800", "100 %", "0"]
    assert format_difference(*mean_difference(np.array([-2.0, -1.0])), 1) == "-1.5 [-2.0, -1.0]"


@pytest.mark.parametrize(
    ("targets", "found"),
    [
        ({"set": "draws:500"}, True),
        ({"set": "rendered", "plan": {"split": "test"}}, True),
        ({"set": "rendered", "plan": {"split": "train"}}, False),
        ({"set": "sounds"}, False),
    ],
)
def test_held_out_draws_are_beside_the_papers_scores(targets, found):
    expected = PUBLISHED["surge-simple", "draws"] if found else None
    assert published_scores({"task": "surge-simple", "of": targets}) is expected
