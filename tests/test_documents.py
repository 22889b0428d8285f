from datetime import date

import pytest
from pydantic import BaseModel, ConfigDict

from unsynth.documents import (
    MOST_YAML_BYTES,
    DocumentError,
    parse_json,
    parse_yaml,
    printable,
    read_json,
    read_yaml,
    shown,
    validate,
    write_yaml,
)

#: Eight levels of ten aliases each: 10^8 values.
BOMB = "a0: &a0 [1]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 2001-99-99", {"a": "2001-99-99"}),
        ("a: 2001-01-01", {"a": "2001-01-01"}),
        ("a: 1e-4", {"a": 1e-4}),
        ("a: [1, 0x10, -2.5, true, null, text]", {"a": [1, 16, -2.5, True, None, "text"]}),
        ("a: &a [1]\nb: *a", {"a": [1], "b": [1]}),
        ("a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}", {"a": {"x": 1, "y": 2}, "b": {"x": 3, "y": 2}}),
        ("a: =", {"a": "="}),
    ],
)
def test_yaml_gives_plain_values(text, value):
    assert parse_yaml(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !!int x", "line 1, column 4: tags"),
        ("a: !!bool x", "line 1, column 4: tags"),
        ("[" * 10_000, "nested more than 64 deep"),
        ("- " * 10_000, "nested more than 64 deep"),
        (BOMB, "more than 100,000 values"),
        ("&a [*a]", "an alias stands within"),
        ("a: 1\na: 2", "line 2, column 1: the key 'a' comes twice"),
        ("a: .nan", "'.nan' is not a finite number"),
        ("a: 1e999", "'1e999' is not a finite number"),
        ("a: 0b_", "'0b_' is not a finite number"),
        ("a: 0x" + "f" * 5000, "is not a finite number of 64 bits"),
        ('a: "\\ud800"', "is not text"),
        ("a: [", "not YAML: line 1, column 5"),
        ("x" * (MOST_YAML_BYTES + 1), "larger than 0.5 MB"),
        ("*" + "a" * 5000, "undefined alias"),
        ("a: \x00", "special characters"),
    ],
)
def test_yaml_beyond_a_limit_is_one_short_line(text, message):
    with pytest.raises(DocumentError, match=message) as error:
        parse_yaml(text)
    assert len(str(error.value)) <= 200


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("[" * 100_000, "nested more than 64 deep"),
        ("[" * 66 + "]" * 66, "nested more than 64 deep"),
        ("[1e999]", "'1e999' is not a finite number"),
        ("[NaN]", "'NaN' is not a finite number"),
        ("1" * 10_000, "is an integer of more than 64 bits"),
        ('["\\ud800"]', "is not text"),
        (b"\xff\xfe\xfd", "not text in UTF-8"),
        ('{"a":', "not JSON: .* line 1 column 6"),
    ],
)
def test_json_beyond_a_limit_is_one_short_line(data, message):
    with pytest.raises(DocumentError, match=message) as error:
        parse_json(data)
    assert len(str(error.value)) <= 200


@pytest.mark.parametrize("text", ["1e5", "1E-3", "12e4", ".5e1", "on", "1:30", "2026-01-02", "="])
def test_written_yaml_is_read_as_the_same_values(text):
    value = {text: [text, 1e5, 3, None], "b": {"text": text}}
    value["c"] = value["b"]
    assert parse_yaml(write_yaml(value)) == value


def test_json_gives_its_values_and_nan_on_request():
    assert parse_json(b'{"a": [1, -2.5, "\\u00e9", null]}') == {"a": [1, -2.5, "é", None]}
    assert parse_json("[Infinity]", finite=False) == [float("inf")]


def test_files_are_read_up_to_their_limit(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b"\xef\xbb\xbf[1]")
    assert read_json(path) == read_yaml(path) == [1]
    with pytest.raises(DocumentError, match="larger than 5e-06 MB"):
        read_json(path, most=5)
    path.write_bytes(b"\xff")
    with pytest.raises(DocumentError, match="not text in UTF-8"):
        read_yaml(path)
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "b.json")


def test_values_in_messages_are_short():
    for value in ("x" * 10**6, 10**5000, [[0] * 1000] * 1000, date(2001, 1, 1)):
        assert 0 < len(shown(value)) <= 60


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    count: int
    pair: tuple[float, float] = (0.0, 1.0)


def test_models_are_validated_strictly():
    assert validate(Strict, {"count": 3, "pair": [1, 2]}) == Strict(count=3, pair=(1.0, 2.0))
    for wrong in (True, "3", 3.5, "2001-01-01"):
        with pytest.raises(DocumentError, match=r"^count: .*, not "):
            validate(Strict, {"count": wrong})
    with pytest.raises(DocumentError) as error:
        validate(Strict, {"count": [[0] * 1000] * 1000})
    assert len(str(error.value)) <= 200


def test_printable_text_keeps_letters_of_all_scripts_and_no_commands():
    command = "kick\x1b[2J\x9b\r\n\u202e\udce9.wav"
    assert printable(command) == r"kick\x1b[2J\x9b\r\n\u202e\udce9.wav"
    text = "Größe オルガン\u3000\N{NO-BREAK SPACE}\N{MUSICAL SYMBOL G CLEF}👩\u200d🎤"
    assert printable(text) == text
