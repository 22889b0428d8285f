"""The pages hold: links, names, commands and options exist, and every file has its line."""

import importlib
import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest

import unsynth
from tests.commands import output
from unsynth.cli.main import commands
from unsynth.formats.syx import init_voice, write_bank
from unsynth.training.experiment import load_experiment

ROOT = Path(__file__).parents[1]
SOURCE = Path(unsynth.__file__).parent
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
NAMES = [str(path.relative_to(ROOT)) for path in PAGES]


def headings(text: str) -> set[str]:
    """The anchors of a page's headings."""
    lines = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


def command_lines(text: str) -> list[str]:
    """The ``unsynth`` commands of a page, in code blocks and in tables."""
    blocks = "\n".join(re.findall(r"^```[a-z]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    lines = [line.split("#")[0].strip() for line in blocks.replace("\\\n", " ").splitlines()]
    inline = re.findall(r"`(unsynth [^`]+)`", text)
    return [line for line in [*lines, *inline] if line.startswith("unsynth ") and "…" not in line]


def find_command(line: str) -> tuple[click.Command, list[str]]:
    """The command that a line names, and the words after its name."""
    command: click.Command = commands
    words = shlex.split(re.sub(r"\$\w+", "1", line).replace("...", ""))[1:]
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        assert words[0] in command.commands, line
        command, words = command.commands[words[0]], words[1:]
    return command, words


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_resolve(page: Path):
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in headings(linked.read_text(encoding="utf-8")), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_paths_and_modules_exist(page: Path):
    text = page.read_text(encoding="utf-8")
    for path in re.findall(r"`((?:src|tests|benchmarks|examples|experiments|dev)/[\w./-]+)`", text):
        if "TASK" not in path:
            assert (ROOT / path).exists(), f"{page.name}: {path}"
    for name in re.findall(r"unsynth(?:\.\w+)+", text):
        parts, found = name.split("."), None
        for count in range(len(parts), 0, -1):
            try:
                found = importlib.import_module(".".join(parts[:count]))
            except ImportError:
                continue
            for attribute in parts[count:]:
                found = getattr(found, attribute, None)
            break
        assert found is not None, f"{page.name}: {name}"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_commands_can_be_typed_as_they_stand(page: Path):
    """Names, options, numbers and choices are valid, and so are the settings of experiments."""
    for line in command_lines(page.read_text(encoding="utf-8")):
        command, words = find_command(line)
        if isinstance(command, click.Group) or not words or "--help" in words:
            continue  # named, not called
        try:
            given = command.make_context("unsynth", words).params
        except click.UsageError as error:
            raise AssertionError(f"{page.name}: {line}: {error.format_message()}") from None
        if command.name == "train" and given["experiment"].parts[0] == "experiments":
            load_experiment(ROOT / given["experiment"], given["overrides"])


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_lines_are_at_most_100_columns_wide(page: Path):
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    wide = [line for line in text.splitlines() if len(line) > 100 and line[0] not in "|!"]
    assert not wide


def test_the_checks_see_what_the_readme_has():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(command_lines(text)) > 10
    assert "unsynth match SOUND --budget 60" in command_lines(text)
    assert "install" in headings(text)


def test_small_commands_run_as_they_stand(tmp_path, monkeypatch):
    """Those of the pages that need nothing, or a bank of voices."""
    monkeypatch.chdir(tmp_path)
    for name in ("bank.syx", "BANK.syx"):
        (tmp_path / name).write_bytes(write_bank([init_voice()]))
    pages = [path.read_text(encoding="utf-8") for path in PAGES]
    lines = {line for text in pages for line in command_lines(text)}
    small = re.compile(
        r"unsynth (--help|models|models dx7|plugins|voices (bank|BANK)\.syx( --json)?)"
    )
    run = sorted(line for line in lines if small.fullmatch(line))
    assert len(run) >= 6
    for line in run:
        assert output(*shlex.split(line)[1:]), line


def test_the_readmes_numbers_stand_in_the_results():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"^\| median MSS .*\n((?:\|.*\n)+)", readme, re.MULTILINE)
    numbers = set(re.findall(r"\d+\.\d+", table))
    assert len(numbers) >= 6
    results = (ROOT / "docs" / "research" / "results.md").read_text(encoding="utf-8")
    assert numbers <= set(re.findall(r"\d+\.\d+", results))


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_the_file_map_names_every_file():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^ *([\w/.-]+\.(?:py|j2|css|js))  ", text, re.MULTILINE))
    kinds = {".py", ".j2", ".css", ".js"}
    files = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*")
        if path.suffix in kinds and path.name != "__init__.py"
    }
    assert files - listed == set() and listed - files == set()


def test_the_citation_names_this_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {unsynth.__version__}\n" in citation


def test_the_page_of_engines_names_tests_that_exist():
    text = (ROOT / "docs" / "method" / "engines.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", text)
    assert len(named) > 20 and len(named) == text.count(".py::")
    for file, name in named:
        assert f"def {name}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), name


def test_the_list_of_findings_is_complete():
    text = (ROOT / "findings" / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"\((\w+\.sh)\): ", text)
    assert sorted(listed) == sorted(path.name for path in (ROOT / "findings").glob("*.sh"))


def test_each_dependency_has_a_line():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    named = {re.split(r"[\[<>=~; ]", each)[0] for group in groups for each in group}
    page = (ROOT / "dev" / "dependencies.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| (\w[\w-]*) \|", page, re.MULTILINE)) - {"package"}
    assert listed == named - {"unsynth"}
