"""Banks of Vital."""

import zipfile
from pathlib import Path

import pytest

from unsynth.errors import PatchError
from unsynth.formats import vital_bank
from unsynth.formats.vital_bank import read_vital_bank

MEMBERS = {
    "Pads/Presets/Warm.vital": b"first",
    "Pads/Presets/Cold Sub/Ice.VITAL": b"second",
    "Pads/Presets/._Warm.vital": b"of macOS",
    "__MACOSX/Pads/Presets/._Ice.vital": b"of macOS",
    "Pads/Wavetables/Saw.vitaltable": b"a table",
    "Pads/LFOs/Ramp.vitallfo": b"a shape",
}


def write_bank(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_the_presets_of_a_bank_are_read_in_order(tmp_path):
    bank = write_bank(tmp_path / "pads.vitalbank", MEMBERS)
    assert read_vital_bank(bank) == [("Warm", b"first"), ("Ice", b"second")]


def test_what_is_no_bank_is_named(tmp_path):
    empty = write_bank(tmp_path / "empty.vitalbank", {"Pads/Wavetables/Saw.vitaltable": b""})
    with pytest.raises(PatchError, match="holds no presets"):
        read_vital_bank(empty)
    with pytest.raises(PatchError, match=r"cannot be read as a bank of Vital \(.*No such file"):
        read_vital_bank(tmp_path / "missing.vitalbank")
    whole = write_bank(tmp_path / "whole.vitalbank", MEMBERS).read_bytes()
    for content in (b"", b"text", whole[: len(whole) // 2], whole[:-30]):
        (tmp_path / "other.vitalbank").write_bytes(content)
        with pytest.raises(PatchError, match="cannot be read as a bank of Vital"):
            read_vital_bank(tmp_path / "other.vitalbank")
    with zipfile.ZipFile(tmp_path / "other.vitalbank", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("Pads/Presets/Warm.vital", b"first")
    with pytest.raises(PatchError, match="Warm is compressed in another way than Vital's"):
        read_vital_bank(tmp_path / "other.vitalbank")
    flipped = bytearray(whole)
    flipped[whole.index(b"Warm.vital") + len("Warm.vital") + 1] ^= 0xFF  # in its compressed bytes
    (tmp_path / "other.vitalbank").write_bytes(flipped)
    with pytest.raises(PatchError, match="cannot be read as a bank of Vital"):
        read_vital_bank(tmp_path / "other.vitalbank")


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("_MOST_PRESETS", "2 presets; make banks of at most 1"),
        ("MOST_BYTES", "Warm has more than"),
        ("_MOST_TOTAL_BYTES", "make smaller banks"),
    ],
)
def test_too_much_is_refused(tmp_path, monkeypatch, limit, message):
    bank = write_bank(tmp_path / "pads.vitalbank", MEMBERS)
    monkeypatch.setattr(vital_bank, limit, 1)
    with pytest.raises(PatchError, match=message):
        read_vital_bank(bank)
