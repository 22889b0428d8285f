"""Ask a plugin for its parameters in a process of its own, which it may crash."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np

from unsynth.interruption import await_result
from unsynth.rendering.workers import WorkerDied, Workers
from unsynth.synths.base import Synth
from unsynth.synths.plugins import PluginCrashError, PluginHangError
from unsynth.synths.surge_xt import SurgeXT
from unsynth.synths.vst3 import VST3, RawPatch
from unsynth.synths.vst3_plugin import HostParameter

#: Most texts of a parameter that are taken for the names of its steps.
MOST_TEXTS = 200
#: Seconds that the plugin may take to answer.
_TIMEOUT = 600.0
#: Raw values to try for a parameter without steps.
_RAW_VALUES = tuple((np.arange(100) / 100 + 0.005).round(3).tolist())
#: Decimals of raw values.
_DECIMALS = 4

#: Raw values of the parameters that have few texts, one per text.
Steps = dict[str, tuple[float, ...]]

_Answer = TypeVar("_Answer")


class PluginProcess:
    """A plugin in a process of its own; close it.

    Every method raises :class:`PluginCrashError` if the plugin ends its process, and
    :class:`PluginHangError` if it takes too long.
    """

    def __init__(self, make: Callable[[], VST3], plugin: str) -> None:
        self._plugin = plugin
        serve = partial(plugin_server, make)
        self._workers: Workers[tuple[Any, ...], Any] = Workers(serve, 1, _TIMEOUT)

    def describe(self) -> list[HostParameter]:
        """List the plugin's parameters."""
        return self._call(VST3.describe)

    def steps(self, parameters: Sequence[HostParameter]) -> Steps:
        """Find the raw value of each text, for parameters with few texts.

        Set the middle of the range in which a text is printed. Many plugins round that to a value
        of their own, which is then the one to use.
        """
        stepped = [p for p in parameters if 2 <= len(p.texts) <= MOST_TEXTS]
        middles = {p.name: [rounded((low + high) / 2) for _, low, high in p.texts] for p in stepped}
        settled: dict[str, list[float]] = {name: [] for name in middles}
        for step in range(max(map(len, middles.values()), default=0)):
            patch = {name: raw[step] for name, raw in middles.items() if step < len(raw)}
            for name, raw in self._call(VST3.set_and_read, patch).items():
                settled[name].append(round(raw, 6))
        return {
            # The middles tell texts apart even if the plugin rounds two of them to one value.
            name: tuple(raw if len(set(raw)) == len(raw) else middles[name])
            for name, raw in settled.items()
        }

    def lost(
        self, parameters: Sequence[HostParameter], steps: Steps, rng: np.random.Generator
    ) -> set[str]:
        """Find the parameters that do not keep a value, even if nothing else is set."""
        lost: set[str] = set()
        for _ in range(2):
            patch = {p.name: float(rng.choice(steps.get(p.name, _RAW_VALUES))) for p in parameters}
            suspects = self._call(VST3.lost_parameters, patch)
            lost |= {
                name for name in suspects if self._call(VST3.lost_parameters, {name: patch[name]})
            }
        return lost

    def close(self) -> None:
        """End the process."""
        self._workers.close()

    def _call(self, method: Callable[..., _Answer], *arguments: Any) -> _Answer:
        try:
            answer: _Answer = await_result(self._workers.submit((method, *arguments)))
        except WorkerDied as death:
            raise PluginCrashError(
                f"{self._plugin} crashed when it was asked for its parameters "
                f"({death.ending}); install it again, or leave it out"
            ) from None
        except TimeoutError:
            raise PluginHangError(
                f"{self._plugin} hangs: it did not describe its parameters within {_TIMEOUT:g} s"
            ) from None
        return answer


def rounded(raw: float) -> float:
    """Round a raw value to as many decimals as task files have."""
    return round(raw, _DECIMALS)


def plugin_server(make: Callable[[], Synth[Any]]) -> Callable[[tuple[Any, ...]], Any]:
    """Make a plugin; return what takes (function, *arguments) and calls function(plugin, ...)."""
    synth = make()
    return lambda call: call[0](synth, *call[1:])


def complaints(plugin: VST3, patches: Sequence[RawPatch]) -> list[str]:
    """List what is wrong with the way a plugin handles patches."""
    return plugin.complaints(patches)


def base_differences(plugin: SurgeXT) -> list[str]:
    """List where the base patch, read back from Surge XT, is wrong."""
    return plugin.base_differences()
