"""Read JSON and YAML that people bring, within bounds, and write values and names in messages.

Size, depth, aliases and numbers are limited, so that no text can exhaust time or memory, or raise
errors that a caller does not expect. What is read consists of dicts, lists, texts, truth values,
``None``, integers of 64 bits, and numbers.
"""

import json
import math
import re
import reprlib
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

#: The most bytes of a file that is read whole, enough for a patch of Vital with all its wavetables.
MOST_BYTES = 64_000_000
#: The largest YAML file in bytes. YAML takes seconds per MB; the longest task here has 22 kB.
MOST_YAML_BYTES = 500_000
#: The deepest nesting of lists and mappings.
_MOST_DEPTH = 64
#: The most values in YAML, where each alias counts as all that it stands for.
_MOST_YAML_VALUES = 100_000
#: The largest integer and the smallest are those of 64 bits.
_INTEGER_LIMIT = 2**63
#: The longest value in a message, and the longest reason, in characters.
_MOST_SHOWN, _MOST_REASON = 60, 200

_NOT_PRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

M = TypeVar("M", bound=BaseModel)


class DocumentError(ValueError):
    """Text that is not JSON or YAML, or beyond a limit; the message is one short line."""

    def __init__(self, reason: str) -> None:
        line = " ".join(reason.split())
        super().__init__(line if len(line) <= _MOST_REASON else line[: _MOST_REASON - 3] + "...")


def shown(value: Any) -> str:
    """Write a value for a message, in at most 60 characters however large it is.

    >>> shown([[0] * 1000] * 1000)
    '[[0, 0, 0, 0, ...], [0, 0, 0, 0, ...], [0, 0, 0, 0, ...],...'
    """
    try:
        text = _SHORT.repr(value)
    except ValueError:  # Python writes no integers of more than 4,300 digits.
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 3] + "..."


def printable(text: str) -> str:
    """Write what a terminal obeys instead of showing it, and what UTF-8 cannot hold, as escapes.

    These are control characters, line breaks among them, marks of direction, and bytes of a file
    name that are not UTF-8.

    >>> printable("caf\xe9 \x1b[2J")
    'café \\\\x1b[2J'
    """
    return _NOT_PRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def counted(number: int, noun: str) -> str:
    """Write a number of things.

    >>> counted(1, "sound"), counted(1200, "sound")
    ('1 sound', '1,200 sounds')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """Read a file of at most ``most`` bytes.

    Raises ``OSError``, and :class:`DocumentError` for a larger file.
    """
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise DocumentError(f"larger than {most / 1e6:g} MB")
    return data


def read_json(path: Path, most: int = MOST_BYTES, finite: bool = True) -> Any:
    """Read a JSON file as :func:`parse_json` does; also raises ``OSError``."""
    return parse_json(read_bytes(path, most), finite)


def read_yaml(path: Path) -> Any:
    """Read a YAML file as :func:`parse_yaml` does; also raises ``OSError``."""
    data = read_bytes(path, MOST_YAML_BYTES)
    try:
        return parse_yaml(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise DocumentError("not text in UTF-8") from None


def parse_json(data: str | bytes, finite: bool = True) -> Any:
    """Parse JSON; with ``finite``, NaN and infinity are errors.

    Raises :class:`DocumentError` for text that is not JSON or too deep, an integer of more than 64
    bits, and text with NUL or half a surrogate pair, which no file name can hold.
    """

    def number(text: str) -> float:
        value = float(text)
        if finite and not math.isfinite(value):
            raise DocumentError(f"{shown(text)} is not a finite number")
        return value

    try:
        content = json.loads(data, parse_int=_integer, parse_float=number, parse_constant=number)
    except RecursionError:
        raise _too_deep() from None
    except UnicodeDecodeError:
        raise DocumentError("not text in UTF-8") from None
    except DocumentError:
        raise
    except ValueError as error:
        raise DocumentError(f"not JSON: {error}") from None
    _check_json(content)
    return content


def parse_yaml(text: str) -> Any:
    """Parse YAML, without the types that only YAML has: dates, sets, binary data and tags.

    A date is text here, and ``1e-4`` is a number, as in YAML 1.2. Raises :class:`DocumentError`,
    with the line, for text that is not YAML or beyond a limit, a number that is not finite, an
    integer of more than 64 bits, a key that comes twice, and a tag.
    """
    if len(text) > MOST_YAML_BYTES:
        raise DocumentError(f"larger than {MOST_YAML_BYTES / 1e6:g} MB")
    try:
        # The loader is a safe one: only a base class that makes nothing but plain values.
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise DocumentError(f"not YAML: {place}{error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise DocumentError(f"not YAML: {error}") from None
    except RecursionError:
        raise _too_deep() from None


def validate(model: type[M], content: Any) -> M:
    """Make a pydantic model from parsed JSON or YAML, by the strict rules for JSON if it is strict.

    Raises :class:`DocumentError`, which names the first wrong field and its value.
    """
    try:
        return model.model_validate_json(json.dumps(content))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        what = first["msg"].removeprefix("Value error, ")
        value = "" if isinstance(first["input"], dict) else f", not {shown(first['input'])}"
        raise DocumentError(f"{where}: {what}{value}") from None


def _integer(text: str) -> int:
    # The length comes first: Python refuses to convert very long texts, and is slow before that.
    value = int(text) if len(text) <= 20 else _INTEGER_LIMIT
    if not -_INTEGER_LIMIT <= value < _INTEGER_LIMIT:
        raise DocumentError(f"{shown(text)} is an integer of more than 64 bits")
    return value


def _too_deep() -> DocumentError:
    return DocumentError(f"lists or mappings are nested more than {_MOST_DEPTH} deep")


def _is_text(value: str) -> bool:
    """Say whether files and names can hold a text: without NUL and halves of surrogate pairs."""
    try:
        return "\0" not in value and (value.isascii() or bool(value.encode()))
    except UnicodeEncodeError:
        return False


def _check_json(content: Any) -> None:
    """Check the depth, and every text."""
    level = [content]
    for _ in range(_MOST_DEPTH + 1):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                inner += value.keys()
                inner += value.values()
            elif isinstance(value, list):
                inner += value
            elif isinstance(value, str) and not _is_text(value):
                raise DocumentError(f"{shown(value)} is not text")
        if not inner:
            return
        level = inner
    raise _too_deep()


def write_yaml(value: Any, **options: Any) -> str:
    """Write plain values as YAML that :func:`parse_yaml` reads as the same values.

    Fields keep their order. ``options`` are those of ``yaml.dump``.
    """
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, **options)


class _Dumper(yaml.SafeDumper):
    """Quotes the texts that the reader would take for numbers."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


class _Loader(yaml.SafeLoader):
    """Reads plain values, and counts them while it reads."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = self._values = 0
        #: How many values each finished node with an anchor stands for.
        self._sizes: dict[int, int] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        if getattr(event, "tag", None) is not None:
            _fail("tags, which begin with an exclamation mark, are not read here", event)
        before = self._values
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            _fail(str(_too_deep()), event)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if isinstance(node, yaml.ScalarNode) and not _is_text(node.value):
            _fail(f"{shown(node.value)} is not text", event)
        if not isinstance(event, yaml.AliasEvent):
            self._values += 1
            self._sizes[id(node)] = self._values - before
        elif id(node) in self._sizes:
            self._values += self._sizes[id(node)]
        else:
            _fail("an alias stands within what it stands for", event)
        if self._values > _MOST_YAML_VALUES:
            _fail(f"more than {_MOST_YAML_VALUES:,} values, with aliases written out", event)
        return node

    def compose_mapping_node(self, anchor: Any) -> Any:
        mapping = super().compose_mapping_node(anchor)
        keys: set[tuple[str, str]] = set()
        for node, _ in mapping.value:
            key = (node.tag, node.value) if isinstance(node, yaml.ScalarNode) else None
            if key in keys:
                _fail(f"the key {shown(node.value)} comes twice", node)
            if key is not None:
                keys.add(key)
        return mapping

    def construct_number(self, node: Any) -> int | float:
        """Make a number that is finite and fits 64 bits."""
        is_integer = node.tag == _INTEGER_TAG
        construct = self.construct_yaml_int if is_integer else self.construct_yaml_float
        try:
            # No number of 64 bits is longer, and converting long ones is slow.
            value: int | float = construct(node) if len(node.value) <= 100 else math.inf
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or (is_integer and abs(value) >= _INTEGER_LIMIT):
            _fail(f"{shown(node.value)} is not a finite number of 64 bits", node)
        return value


def _fail(problem: str, place: Any) -> NoReturn:
    mark = place.start_mark
    raise DocumentError(f"line {mark.line + 1}, column {mark.column + 1}: {problem}")


_INTEGER_TAG, _FLOAT_TAG = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
#: The types that plain values of YAML 1.1 may have but that are text here.
_TEXT_TAGS = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _TEXT_TAGS]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
#: Numbers such as 1e5, which are texts in YAML 1.1.
_EXPONENT = (
    *(_FLOAT_TAG, re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)[eE][-+]?\d+$", re.ASCII)),
    [*"-+.0123456789"],
)
_Loader.add_implicit_resolver(*_EXPONENT)
_Dumper.add_implicit_resolver(*_EXPONENT)
_Loader.add_constructor(_INTEGER_TAG, _Loader.construct_number)
_Loader.add_constructor(_FLOAT_TAG, _Loader.construct_number)

_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother = 3, _MOST_SHOWN, _MOST_SHOWN
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = 4
