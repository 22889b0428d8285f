"""A plugin that hangs while its parameters are read."""

import multiprocessing
import os
import signal
from contextlib import closing
from functools import partial

import pytest

from unsynth.authoring import probing
from unsynth.synths.plugins import PluginHangError
from unsynth.synths.vst3 import VST3


def test_a_plugin_that_hangs_while_it_is_asked(instrument, monkeypatch):
    monkeypatch.setattr(probing, "_PATIENCE", 5.0)
    before = set(multiprocessing.active_children())
    with closing(probing._Asked(partial(VST3, *instrument), "the plugin")) as asking:
        assert asking._ask("values")
        (worker,) = set(multiprocessing.active_children()) - before
        os.kill(worker.pid, signal.SIGSTOP)
        with pytest.raises(PluginHangError, match="did not tell its parameters in 5 s: it hangs"):
            asking.describe()
    assert set(multiprocessing.active_children()) <= before
