"""Task files for VST3 instruments: loading without the plugin, identity and settings."""

import pickle

import pytest
import yaml

from tests.synths.instruments import declaration
from unsynth.errors import TaskError
from unsynth.synths.plugins import PluginNotFoundError
from unsynth.synths.vst3 import PluginVersionError
from unsynth.tasks.declared.task import DeclaredTask
from unsynth.tasks.task import Task


def test_reading_a_task_file_needs_no_plugin(tmp_path):
    """Nor do models and sets; only rendering does."""
    content = declaration(["cutoff"], plugin="none.vst3", name="None", version="1.2")
    task = DeclaredTask(content, tmp_path, "own")
    assert isinstance(task, Task) and pickle.loads(pickle.dumps(task)).hash == task.hash
    pytest.importorskip("pedalboard")
    with pytest.raises(PluginNotFoundError, match=r"no plugin none\.vst3 in"):
        task.synth()


def test_the_hash_depends_on_plugin_version_and_base_patch(tmp_path):
    def hash_of(**engine) -> str:
        return DeclaredTask(declaration(["cutoff"], **engine), tmp_path, "own").hash

    (tmp_path / "a.vstpreset").write_bytes(b"a")
    (tmp_path / "b.vstpreset").write_bytes(b"b")
    base = hash_of(plugin="x.vst3", name="X", version="1")
    assert base == hash_of(plugin="/elsewhere/x.vst3", name="X", version="1", flush=0.1)
    others = [
        hash_of(plugin="x.vst3", name="Y", version="1"),
        hash_of(plugin="x.vst3", name="X", version="2"),
        hash_of(plugin="x.vst3", name="X", version="1", preset="a.vstpreset"),
        hash_of(plugin="x.vst3", name="X", version="1", preset="b.vstpreset"),
    ]
    assert len({base, *others}) == 5


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        ({}, "own: engine: plugin: field required"),
        ({"plugn": "x"}, "engine: 'plugn' is not known; the nearest is 'plugin'"),
        ({"plugin": 3}, "engine: plugin: input should be a valid string"),
        ({"plugin": "x", "flush": -1.0}, "engine: flush: input should be greater"),
        ({"plugin": "x", "preset": "no.vstpreset"}, "preset .*no.vstpreset cannot be read"),
    ],
)
def test_invalid_settings_are_rejected(tmp_path, engine, message):
    content = declaration(["cutoff"])
    with pytest.raises(TaskError, match=message) as caught:
        DeclaredTask(content | {"engine": engine}, tmp_path, "own")
    assert "\n" not in str(caught.value)


def test_another_version_of_the_plugin_is_refused(own_task):
    content = yaml.safe_load(own_task.read_text())
    content["engine"]["version"] = "0.0.0.1"
    with pytest.raises(PluginVersionError, match=r"the task is for 0\.0\.0\.1: install that"):
        DeclaredTask(content, own_task.parent, str(own_task)).synth()
