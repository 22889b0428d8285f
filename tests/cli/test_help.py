"""Help texts: every command and option has one, and none needs a slow import."""

import gc
import json
import os
import subprocess
import sys

import click
import pytest

from tests.commands import command_paths, failing
from unsynth.cli.main import commands
from unsynth.cli.requirements import faster_imports

COMMANDS = dict(command_paths(commands))


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_and_option_has_a_help_text(path):
    command = COMMANDS[path]
    assert command.help and command.help.strip().split("\n")[0].endswith(".")
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help and parameter.help.strip().endswith("."), parameter.name
            assert parameter.help[0].isupper(), parameter.name


@pytest.mark.parametrize("path", COMMANDS)
def test_a_missing_required_parameter_is_named(path):
    """Before anything runs: with all other required parameters, the one left out is missed."""
    command = COMMANDS[path]
    required = [parameter for parameter in command.params if parameter.required]
    for missing in required:
        arguments = [path.split()[-1]]
        for other in required:
            if other is not missing and isinstance(other, click.Option):
                arguments += [other.opts[0], "1"]
            elif other is not missing and other.param_type_name == "argument":
                arguments.append("1")
        with pytest.raises(click.MissingParameter) as error:
            command.make_context(arguments[0], arguments[1:])
        # A positional one that is left out takes the next one's place.
        assert error.value.param.param_type_name == missing.param_type_name
        if isinstance(missing, click.Option):
            assert error.value.param is missing


def test_a_name_that_no_file_can_have_is_one_line(capsys):
    assert "too long" in failing(capsys, "export", "x" * 300, "--out", "model.safetensors")
    assert "too long" in failing(capsys, "evaluate", "dx7", "x" * 300)


@pytest.mark.parametrize(
    ("arguments", "ends_with"),
    [
        (["models"], 0),
        (["match", "nowhere.wav"], 2),
        (["match", "x" * 300], 2),
        (["train", "nowhere.yaml"], 2),
    ],
)
def test_what_needs_no_torch_does_not_wait_for_it(arguments, ends_with):
    code = (
        "import sys\n"
        "from unsynth.cli.main import main\n"
        f"sys.argv = ['unsynth', *{arguments}]\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    assert not {'torch', 'scipy'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == ends_with, done.stderr
    assert ("no such file" in done.stderr) == (ends_with == 2)


def test_an_option_of_several_commands_has_few_help_texts():
    """Shared options are declared once; those with a text per command are listed here."""
    texts: dict[str, set[str]] = {}
    for command in COMMANDS.values():
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                texts.setdefault(parameter.opts[0], set()).add(parameter.help or "")
    differing = {name for name, helps in texts.items() if len(helps) > 1}
    assert differing <= {
        *("--out", "--from", "--draws", "--candidates", "--note", "--json", "--model"),
        *("--budget", "--renders", "--steps", "--guidance", "--preset"),
    }


def test_all_commands_are_listed_in_one_group():
    text = commands.get_help(click.Context(commands, info_name="unsynth"))
    for name in commands.commands:
        assert text.count(f"\n  {name} ") == 1


@pytest.mark.parametrize(
    "arguments", [["--help"], ["match", "--help"], ["reproduce", "kosc", "-h"]]
)
def test_help_imports_neither_torch_nor_scipy(arguments):
    code = (
        "import sys\n"
        "from unsynth.cli.main import main\n"
        f"sys.argv = ['unsynth', *{arguments}]\n"
        "main()\n"
        "assert not {'torch', 'scipy', 'numpy'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage: unsynth")


def test_garbage_is_collected_again_after_imports_that_fail():
    with pytest.raises(ImportError), faster_imports():
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled()


def test_a_command_multiplies_matrices_in_one_thread():
    """Its threads and workers, one per core, would wait for one another."""
    code = (
        "import sys\n"
        "from unsynth.cli.main import main\n"
        "sys.argv = ['unsynth', '--help']\n"
        "main()\n"
        "import numpy, scipy.linalg\n"
        "from threadpoolctl import threadpool_info\n"
        "print([each['num_threads'] for each in threadpool_info()])\n"
    )
    others = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    env = {name: value for name, value in os.environ.items() if name not in others}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    threads = json.loads(done.stdout.splitlines()[-1])
    # On macOS NumPy and SciPy may have Apple's library, which is not listed.
    assert set(threads) == {1} or (sys.platform == "darwin" and not threads), threads
