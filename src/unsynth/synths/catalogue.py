"""The engines by the names that task files give them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from unsynth.synths.base import Engine

#: Makes an engine from the ``engine`` section of a task file and the folder of this file.
Maker = Callable[[Mapping[str, Any], Path], Engine]


def _dx7(settings: Mapping[str, Any], folder: Path) -> Engine:
    from unsynth.synths.dx7 import DX7Engine

    return DX7Engine(settings)


def _vital(settings: Mapping[str, Any], folder: Path) -> Engine:
    from unsynth.synths.vital import VitalEngine

    return VitalEngine(settings)


def _vst3(settings: Mapping[str, Any], folder: Path) -> Engine:
    from unsynth.synths.vst3 import VST3Engine

    return VST3Engine(settings, folder)


def _surge_xt(settings: Mapping[str, Any], folder: Path) -> Engine:
    from unsynth.synths.surge_xt import SurgeXTEngine

    return SurgeXTEngine(settings)


#: Engines by the ``synth`` of a task file.
ENGINES: dict[str, Maker] = {
    "dx7": _dx7,
    "vital": _vital,
    "vst3": _vst3,
    "surge-xt": _surge_xt,
}
