"""Imports run one way: a module imports only from what stands above it."""

import ast
from pathlib import Path

import unsynth

ROOT = Path(unsynth.__file__).parent
ORDER = [
    "conventions",
    "errors",
    "interruption",
    "audio",
    "formats",
    "synths",
    "tasks",
    "rendering",
    "metrics",
    "flow",
    "data",
    "models",
    "artifacts",
    "inversion",
    "training",
    "evaluation",
    "report",
    "authoring",
    "matching",
    "api",
    "batch",
    "studies",
    "app",
    "cli",
    "__main__",
]


def imported_parts(path: Path) -> set[str]:
    """First-level parts of unsynth that a file imports, wherever in the file."""
    parts = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            assert node.level == 0, f"{path}: relative import"
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        parts |= {n.split(".")[1] for n in names if n.startswith("unsynth.")}
    return parts


def test_imports_run_one_way():
    files = [p for p in ROOT.rglob("*.py") if p.name != "__init__.py" or p.parent != ROOT]
    assert len(files) > 20
    for path in files:
        part = path.relative_to(ROOT).parts[0].removesuffix(".py")
        assert part in ORDER, f"{part} has no place in the layout"
        below = {other for other in imported_parts(path) if ORDER.index(other) > ORDER.index(part)}
        assert not below, f"{path.relative_to(ROOT)} imports {below} from below"


def test_engines_are_imported_only_when_asked_for():
    for path in ROOT.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(n.split(".")[0] in ("dexed", "pedalboard", "vita") for n in names), path
