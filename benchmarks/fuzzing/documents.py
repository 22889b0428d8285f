"""Mutate JSON and YAML: values of other types, keys, sizes, depth, text that is no value."""

import copy
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import yaml

from fuzzing.damage import damage, one_of

#: Values that may stand in place of any other.
_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 1000, 10**6, 10**9, 10**12, 10**30),
    *(2**31, 2**63 - 1, 2**63, -(2**63), 0.5, -0.5, 1e-300, 1e308, -1e308),
    *(float("nan"), float("inf"), -float("inf")),
    *("", " ", "x", "1", "true", "x" * 10_000, "é", "\x1b[2J\x07", "\u202e", "a\nb", "\0"),
    *("../../../etc/passwd", "/etc/passwd", "~/x", "C:\\x", "%s%n", "{0}", "nan"),
    *([], {}, [[]], [None], [1, 2], ["x"], {"x": 1}, {"": {}}, [0] * 10_000),
)
#: Stands in a document where text takes its place that need not be a value.
_MARK = "placeholder-of-the-fuzz"
#: Text in place of a value of JSON.
_JSON_TEXTS = (
    *("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1" + "0" * 5000, "01", "1.", "0x10"),
    *('"\\ud800"', '"\\u0000"', '"\\u001b[31m"', "'x'", "undefined", "", "-", '{"a": 1, "a": 2}'),
    *("[" * 100_000, "[" * 200 + "]" * 200, '{"a":' * 2000 + "1" + "}" * 2000),
    *("18446744073709551616", "1E-400", "-0", '"\t"', "1" * 400 + ".5"),
)
#: Text in place of a value of YAML.
_YAML_TEXTS = (
    *("!!int x", "!!float x", "!!bool 3", "!!timestamp 2001-99-99", "2001-99-99", "2001-01-01"),
    *("&a [*a]", "*nobody", "!!python/name:os.system ''", "!!binary '@'", "!!set {a, b}"),
    *("!!omap [a: 1]", "!!pairs [a: 1]", "!!null x", "!own x", "<<", "=", "1e400", ".nan", "-.inf"),
    *("0b2", "0o9", "0x", "1:60:99", "1_000", "[" * 3000, "{a: " * 300, "[" * 90 + "]" * 90),
    *("1" + "0" * 5000, '"\\ud800"', '"\\0"', '"\\x1b[31m"', "{a: 1, a: 2}", "{[1, 2]: 3}"),
    "[&a [x,x,x,x,x,x,x,x,x], &b [*a,*a,*a,*a,*a,*a,*a,*a,*a], &c [*b,*b,*b,*b,*b,*b,*b,*b,*b], "
    "&d [*c,*c,*c,*c,*c,*c,*c,*c,*c], &e [*d,*d,*d,*d,*d,*d,*d,*d,*d], "
    "&f [*e,*e,*e,*e,*e,*e,*e,*e,*e], [*f,*f,*f,*f,*f,*f,*f,*f,*f]]",
)

#: Ways to mutate a document, each as often as it stands here.
_WAYS = (*("tree",) * 12, *("text",) * 3, *("lines",) * 2, "encoding", *("bytes",) * 2)

Change = Callable[[np.random.Generator, Any, Any], None]


def _pick(rng: np.random.Generator, tree: Any) -> tuple[Any, Any]:
    """Pick a list or mapping of a tree, and a key in it; deep places and shallow ones alike."""
    while True:
        keys = list(tree) if isinstance(tree, dict) else range(len(tree))
        key = one_of(rng, keys)
        inner = tree[key]
        if not isinstance(inner, dict | list) or not inner or rng.random() < 0.2:
            return tree, key
        tree = inner


def _set_value(rng: np.random.Generator, tree: Any, key: Any) -> None:
    tree[key] = copy.deepcopy(one_of(rng, _VALUES))


def _scale_number(rng: np.random.Generator, tree: Any, key: Any) -> None:
    value = tree[key]
    if isinstance(value, bool) or not isinstance(value, int | float):
        _set_value(rng, tree, key)
        return
    tree[key] = one_of(rng, (-1, 0.5, 10, 1000, 10**6)) * value
    if isinstance(value, int) and rng.random() < 0.7:
        tree[key] = int(tree[key])


def _delete_key(rng: np.random.Generator, tree: Any, key: Any) -> None:
    del tree[key]


def _rename_key(rng: np.random.Generator, tree: Any, key: Any) -> None:
    if isinstance(tree, dict):
        name = one_of(rng, (f"{key}x", str(key)[:-1], "", "\x1b[1m", "a" * 300, str(key).upper()))
        tree[name] = tree.pop(key)
    else:
        tree.insert(key, copy.deepcopy(tree[key]))


def _take_another(rng: np.random.Generator, tree: Any, key: Any, root: Any) -> None:
    source, name = _pick(rng, root)
    tree[key] = copy.deepcopy(source[name])


def _to_text(rng: np.random.Generator, tree: Any, key: Any) -> None:
    value = tree[key]
    tree[key] = str(value) if not isinstance(value, str) else [value]


def _multiply(rng: np.random.Generator, tree: Any, key: Any) -> None:
    value = tree[key]
    if isinstance(value, list) and value:
        tree[key] = (value * 2000)[:20_000]
    else:
        tree[key] = [copy.deepcopy(value)] * 50


def _wrap(rng: np.random.Generator, tree: Any, key: Any) -> None:
    for _ in range(one_of(rng, (1, 10, 80, 300))):
        tree[key] = [tree[key]] if rng.random() < 0.5 else {"a": tree[key]}


_CHANGES: dict[str, Change] = {
    "set a value": _set_value,
    "scale a number": _scale_number,
    "delete a key": _delete_key,
    "rename a key": _rename_key,
    "change a value's type": _to_text,
    "multiply a value": _multiply,
    "nest a value": _wrap,
}


def change_tree(rng: np.random.Generator, tree: Any) -> tuple[str, Any]:
    """Change a tree of dicts and lists one to three times; return what was done, and the tree."""
    tree = copy.deepcopy(tree)
    names = []
    for _ in range(one_of(rng, (1, 1, 2, 3))):
        if not tree:
            break
        parent, key = _pick(rng, tree)
        name = one_of(rng, (*_CHANGES, "set a value", "take another value"))
        names.append(f"{name} ({str(key)[:40]!r})")
        if name == "take another value":
            _take_another(rng, parent, key, tree)
        else:
            _CHANGES[name](rng, parent, key)
    return ", ".join(names), tree


def mutate_json(rng: np.random.Generator, data: bytes) -> tuple[str, bytes]:
    """Mutate JSON."""
    return _mutate(rng, data, json.loads, json.dumps, f'"{_MARK}"', _JSON_TEXTS)


def mutate_yaml(rng: np.random.Generator, data: bytes) -> tuple[str, bytes]:
    """Mutate YAML."""

    def dump(tree: Any) -> str:
        return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=10_000)

    return _mutate(rng, data, yaml.safe_load, dump, _MARK, _YAML_TEXTS)


def _mutate(
    rng: np.random.Generator,
    data: bytes,
    load: Callable[[str], Any],
    dump: Callable[[Any], str],
    mark: str,
    texts: tuple[str, ...],
) -> tuple[str, bytes]:
    way = one_of(rng, _WAYS)
    if way == "tree":
        name, tree = change_tree(rng, load(data.decode()))
        return name, dump(tree).encode("utf-8", "surrogatepass")
    if way == "text":
        tree = load(data.decode())
        parent, key = _pick(rng, tree)
        parent[key] = _MARK
        text = one_of(rng, texts)
        return f"text {text[:30]!r} ({str(key)[:40]!r})", dump(tree).replace(mark, text).encode()
    if way == "lines":
        lines = data.decode().splitlines(keepends=True)
        i, k = (int(rng.integers(len(lines))) for _ in range(2))
        kind = one_of(rng, ("repeat a line", "drop a line", "swap lines", "indent a line"))
        if kind == "repeat a line":
            lines.insert(k, lines[i])
        elif kind == "drop a line":
            del lines[i]
        elif kind == "swap lines":
            lines[i], lines[k] = lines[k], lines[i]
        else:
            lines[i] = "  " + lines[i]
        return kind, "".join(lines).encode()
    if way == "encoding":
        encoding = one_of(rng, ("utf-16", "utf-32", "utf-16-be", "utf-8-sig", "cp037", "é", "\0"))
        if len(encoding) > 1:
            return f"encoded as {encoding}", data.decode().encode(encoding)
        at = int(rng.integers(len(data)))
        return f"{encoding!r} in Latin-1", data[:at] + encoding.encode("latin-1") + data[at:]
    return damage(rng, data)
