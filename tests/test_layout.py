"""The layout holds: imports run one way, without circles, and no file or function grows too large.

Every import counts, wherever it stands in a file: lazy ones in functions, those for type checkers,
and names that are taken from a package.
"""

import ast
import inspect
from graphlib import CycleError, TopologicalSorter
from importlib.util import find_spec
from pathlib import Path

import jaxtyping
import numpy as np
import pytest

import unsynth
from tests.commands import command_paths
from unsynth.cli.main import commands
from unsynth.formats.dx7_panel import describe_voice
from unsynth.metrics.audio import mss

ROOT = Path(unsynth.__file__).parent
#: Parts of the package; a file imports from its own part and from those above it.
ORDER = [
    "version",
    "conventions",
    "errors",
    "documents",
    "arrays",
    "threads",
    "devices",
    "interruption",
    "files",
    "output",
    "shipped",
    "audio",
    "formats",
    "synths",
    "tasks",
    "sketches",
    "rendering",
    "metrics",
    "flow",
    "data",
    "models",
    "index",
    "search",
    "matching",
    "training",
    "evaluation",
    "report",
    "authoring",
    "symmetry",
    "batch",
    "api",
    "__init__",
    "studies",
    "app",
    "cli",
    "__main__",
]
#: Lines per file and parameters per function, at most.
MOST_LINES, MOST_PARAMETERS = 500, 8


def module_name(path: Path, root: Path) -> str:
    parts = ("unsynth", *path.relative_to(root).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_by_module(root: Path) -> dict[str, set[str]]:
    """The modules of a package, each with the modules of the package that it imports."""
    paths = {module_name(path, root): path for path in root.rglob("*.py")}
    imports: dict[str, set[str]] = {}
    for module, path in paths.items():
        names = []
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: relative import"
                names += [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names += [alias.name for alias in node.names]
        imports[module] = set()
        for name in names:
            # A name is a module, or something that the module before its last dot defines.
            if name not in paths:
                name = name.rpartition(".")[0]
            if name in paths and name != module:
                imports[module].add(name)
    return imports


def part(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


def upward_imports(root: Path) -> list[str]:
    """Imports of a part from one below it in the order."""
    return [
        f"{module} imports {other}"
        for module, others in imports_by_module(root).items()
        for other in sorted(others)
        if ORDER.index(part(other)) > ORDER.index(part(module))
    ]


def circle(root: Path) -> list[str]:
    """Modules that import each other in a circle, if there are any."""
    try:
        TopologicalSorter(imports_by_module(root)).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_every_part_has_a_place_in_the_order():
    assert {part(module) for module in imports_by_module(ROOT)} == set(ORDER)


def test_imports_run_one_way():
    assert not upward_imports(ROOT)


def test_no_modules_import_each_other_in_a_circle():
    assert not circle(ROOT)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package without faults, with one file in three parts and one at its root."""
    for name in ("errors", "audio/files", "tasks/spec", "cli/main"):
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    (tmp_path / "__init__.py").write_text("__version__ = '1'\n")
    (tmp_path / "tasks/__init__.py").write_text("")
    (tmp_path / "tasks/spec.py").write_text("from unsynth.audio.files import read\n")
    (tmp_path / "cli/main.py").write_text("from unsynth import __version__\n")
    assert not upward_imports(tmp_path)
    assert not circle(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "fault",
    [
        "from unsynth import __version__",
        "from unsynth import tasks",
        "from unsynth.tasks import spec",
        "from unsynth.tasks.spec import Spec",
        "import unsynth.tasks.spec",
        "def read():\n    from unsynth.tasks.spec import Spec",
        "if TYPE_CHECKING:\n    from unsynth.tasks.spec import Spec",
    ],
)
def test_an_upward_import_is_seen_in_every_form(package: Path, fault: str):
    (package / "audio/files.py").write_text(fault + "\n")
    assert len(upward_imports(package)) == 1


def test_a_circle_within_a_part_is_seen(package: Path):
    (package / "tasks/spec.py").write_text("from unsynth.tasks.windows import play\n")
    (package / "tasks/windows.py").write_text("from unsynth.tasks.modulation import Modulation\n")
    (package / "tasks/modulation.py").write_text(
        "def bend():\n    from unsynth.tasks import spec\n"
    )
    assert not upward_imports(package)
    assert set(circle(package)) == {f"unsynth.tasks.{n}" for n in ("spec", "windows", "modulation")}


def test_engines_are_imported_only_when_asked_for():
    for path in ROOT.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(n.split(".")[0] in ("dexed", "pedalboard", "vita") for n in names), path


@pytest.mark.parametrize(
    "module",
    ["training.checkpoint", "training.export", "studies.kosc.study", "evaluation.evaluate"],
)
def test_only_training_needs_lightning(module: str):
    """Its import takes 4 s, and `pip install unsynth` leaves it out."""
    imports, needed, ahead = imports_by_module(ROOT), set(), {f"unsynth.{module}"}
    while ahead:
        needed |= ahead
        ahead = {other for each in ahead for other in imports[each]} - needed
    assert len(needed) > 5
    for each in needed:
        path = ROOT.joinpath(*each.split(".")[1:])
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        assert "import lightning" not in path.read_text(encoding="utf-8"), each


def test_types_of_arrays_are_checked_while_the_tests_run():
    for path in ROOT.rglob("*.py"):
        if "from jaxtyping import" in path.read_text(encoding="utf-8"):
            spec = find_spec(module_name(path, ROOT))
            assert spec and "Jaxtyping" in type(spec.loader).__name__, path
    sound = np.zeros((1, 4_410), np.float32)
    mss(sound, sound)
    for wrong in (sound[0], sound[None], sound.astype(complex)):
        with pytest.raises(jaxtyping.TypeCheckError, match="mss"):
            mss(sound, wrong)
    with pytest.raises(jaxtyping.TypeCheckError, match="describe_voice"):  # its array is an alias
        describe_voice(np.zeros(155))


def test_files_stay_short():
    lengths = {p: len(p.read_text(encoding="utf-8").splitlines()) for p in ROOT.rglob("*.py")}
    assert {str(p): n for p, n in lengths.items() if n > MOST_LINES} == {}


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> int:
    """Count all parameters; ``*args`` and ``**kwargs`` count as one each."""
    named = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
    return len(named) + sum(
        each is not None for each in (function.args.vararg, function.args.kwarg)
    )


def long_functions(path: Path, exempt: set[str]) -> list[str]:
    """Functions with too many parameters, wherever they are defined in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    top_level = {id(node) for node in tree.body}
    return [
        f"{path.name}:{node.lineno}"
        for node in ast.walk(tree)
        if isinstance(node, functions)
        and parameters(node) > MOST_PARAMETERS
        and not (id(node) in top_level and getattr(node, "name", "") in exempt)
    ]


def test_functions_of_the_command_and_the_api_have_few_parameters():
    """``unsynth.match`` and the commands are exempt: each of their parameters is an option."""
    exempt = {ROOT / "api.py": {"match"}}
    for _, command in command_paths(commands):
        assert command.callback is not None
        callback = inspect.unwrap(command.callback)
        exempt.setdefault(Path(inspect.getfile(callback)), set()).add(callback.__name__)
    assert len(exempt) > 5
    for path in [ROOT / "api.py", ROOT / "batch.py", *(ROOT / "cli").rglob("*.py")]:
        assert not long_functions(path, exempt.get(path, set()))


@pytest.mark.parametrize(
    "function",
    [
        "def find({}): ...",
        "async def find({}): ...",
        "find = lambda {}: 0",
        "@add_command_options\ndef find({}): ...",
        "class Finder:\n    def match({}): ...",
        "def find(*paths, a, b, c, d, e, f, g, **settings): ...",
    ],
)
def test_a_function_with_many_parameters_is_seen(tmp_path: Path, function: str):
    names = ", ".join(f"p{number}" for number in range(MOST_PARAMETERS + 1))
    path = tmp_path / "find.py"
    path.write_text(function.format(names) + "\n")
    assert len(long_functions(path, {"match"})) == 1


def test_tests_import_nothing_from_files_of_tests():
    """What tests share is in fixtures and plain modules."""
    for path in Path(__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
                shared = names[0] != "tests" or not any(n.startswith("test_") for n in names)
                assert shared, f"{path}:{node.lineno}"
