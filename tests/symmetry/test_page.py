"""The page says what was found, and has its pictures and sounds."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.symmetry.planted import Planted, measure
from unsynth.errors import OutputError
from unsynth.symmetry.findings import Errors, Finding
from unsynth.symmetry.page import rows_of, value_rows, write_page
from unsynth.symmetry.subject import load_subject
from unsynth.tasks.exchange import Kind, Verdict


def test_what_holds_is_on_the_page(tmp_path: Path) -> None:
    subject = Planted()
    result = measure(subject, 48)
    write_page(result, subject, tmp_path / "index.html")
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "routing is not am" in text and "routing: mix = again mix" in text
    # The matrix of oscillators and the shares by routing; sounds before and after.
    assert len(re.findall(r'<img src="data:image/png', text)) == 2
    assert len(re.findall(r'src="data:audio/flac', text)) >= 4
    (row,) = rows_of(result, Kind.UNITS)
    assert row.names == "osc 1 and 2" and row.verdict == "conditional"
    ((values),) = value_rows(result)
    assert values.condition == "always"


def test_distances_of_approximate_exchanges_are_drawn(tmp_path: Path) -> None:
    subject = load_subject("kosc-2-dial-0.1")
    result = measure(subject, 24)
    write_page(result, subject, tmp_path / "index.html")
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "Approximate exchanges" in text and "median MSS" in text


def test_a_page_without_findings_says_so(tmp_path: Path) -> None:
    subject = load_subject("kosc-2-asymmetric")
    write_page(measure(subject, 16), subject, tmp_path / "index.html")
    assert "Nothing holds" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_nearly_equal_choices_are_listed(tmp_path: Path) -> None:
    subject = Planted()
    result = measure(subject, 16)
    exchange = next(f.exchange for f in result.of_kind(Kind.VALUES))
    errors = {"mss": Errors(np.full(3, 0.25), np.zeros(3), np.ones(3))}
    near = Finding(exchange, Verdict.APPROXIMATE, 16, 0, errors=errors)
    (row,) = value_rows(replace(result, findings=(near,)))
    assert row.names == exchange.name and row.verdict == "approximate"
    assert row.evidence == "median MSS 0.25 to 0.25 dB"


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    subject = load_subject("kosc-2-asymmetric")
    with pytest.raises(OutputError):
        write_page(measure(subject, 16), subject, tmp_path / "none" / "index.html")
