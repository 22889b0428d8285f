"""A plugin that hangs costs its process, not the caller."""

import multiprocessing
import os
import signal
from contextlib import closing
from functools import partial

import pytest

from unsynth.authoring import plugin_process
from unsynth.synths.plugins import PluginHangError
from unsynth.synths.vst3 import VST3


def test_hanging_plugin_is_an_error(instrument, monkeypatch):
    monkeypatch.setattr(plugin_process, "_TIMEOUT", 5.0)
    before = set(multiprocessing.active_children())
    plugin = plugin_process.PluginProcess(partial(VST3, *instrument), "the plugin")
    with closing(plugin):
        assert plugin._call(VST3.values)
        (worker,) = set(multiprocessing.active_children()) - before
        os.kill(worker.pid, signal.SIGSTOP)
        with pytest.raises(
            PluginHangError, match="hangs: it did not describe its parameters within 5 s"
        ):
            plugin.describe()
    assert set(multiprocessing.active_children()) <= before
