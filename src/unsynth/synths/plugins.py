"""VST3 plugins on this machine: where they lie, and what a bundle holds.

A damaged bundle can kill the process that loads it, and a bad one can hang, so that unknown
bundles are looked at in a process of their own. Places: Steinberg, "VST 3 Developer Portal:
Plug-in Locations".
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from unsynth.errors import EngineError, UnsynthError
from unsynth.files import replacing

if TYPE_CHECKING:
    from pedalboard import VST3Plugin

#: Folders or bundles, separated as in PATH, that are looked in before the usual places.
PLACES_VARIABLE = "UNSYNTH_VST3"
#: A bundle to use in place of the one that is asked for.
CHOICE_VARIABLE = "UNSYNTH_PLUGIN"
#: Seconds that a plugin gets to say what it is; those with thousands of parameters are slow.
PATIENCE = 120.0
_INITIAL_VALUES = "__set_initial_parameter_values__"


class PluginNotFoundError(EngineError):
    """No bundle at a path, or under a name in the usual places."""


class PluginLoadError(EngineError):
    """A bundle that cannot be loaded: no plugin, for another system, or without its class."""


class PluginCrashError(EngineError):
    """A plugin that took its process with it: most often a damaged binary."""


class PluginHangError(EngineError):
    """A plugin that gave no answer in time."""


class NotAnInstrumentError(EngineError):
    """An effect, which plays no notes."""


@dataclass(frozen=True)
class PluginClass:
    """A plugin of a bundle: the name to load it by, and how many parameters it shows."""

    name: str
    maker: str
    version: str
    is_instrument: bool
    parameters: int


def places() -> list[Path]:
    """List where plugins may lie on this system, the user's own choice first."""
    chosen = [Path(p) for p in os.environ.get(PLACES_VARIABLE, "").split(os.pathsep) if p]
    home = Path.home()
    if sys.platform == "darwin":
        own = Path("Library/Audio/Plug-Ins/VST3")
        usual = [home / own, "/" / own]
    elif sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", str(home / "AppData" / "Local"))
        common = os.environ.get("COMMONPROGRAMFILES", r"C:\Program Files\Common Files")
        usual = [Path(local) / "Programs" / "Common" / "VST3", Path(common) / "VST3"]
    else:
        usual = [home / ".vst3", Path("/usr/lib/vst3"), Path("/usr/local/lib/vst3")]
    return chosen + usual


def bundles() -> list[Path]:
    """List the bundles in :func:`places`, each once; a bundle may be a folder or a file."""
    found: dict[Path, None] = {}
    for place in places():
        if place.suffix.lower() == ".vst3":
            candidates = [place] if place.exists() else []
        else:
            candidates = sorted(p for p in place.rglob("*") if p.suffix.lower() == ".vst3")
        for path in candidates:
            # On Windows a bundle holds a file of the same ending.
            if not any(parent.suffix.lower() == ".vst3" for parent in path.parents):
                found[path] = None
    return list(found)


def find_bundle(wanted: str) -> Path:
    """Find a bundle by its path, or by its file's name in :func:`places`.

    The variable UNSYNTH_PLUGIN, if it is set, is the bundle to use instead. Raises
    :class:`PluginNotFoundError`, which says where was looked.
    """
    wanted = os.environ.get(CHOICE_VARIABLE) or wanted
    path = Path(wanted).expanduser()
    if path.exists():
        return path.resolve()
    if path.name == wanted:
        name = wanted if path.suffix.lower() == ".vst3" else f"{wanted}.vst3"
        for bundle in bundles():
            if bundle.name.lower() == name.lower():
                return bundle.resolve()
        looked = ", ".join(map(str, places()))
        raise PluginNotFoundError(
            f"no plugin {name} in {looked}: install it, or give its path with --plugin"
        )
    raise PluginNotFoundError(f"{wanted}: there is no plugin here; check the path")


@lru_cache
def inspect(
    bundle: Path, name: str | None = None, patience: float = PATIENCE
) -> tuple[PluginClass, ...]:
    """List what is in a bundle (or, of that, ``name``), which another process loads.

    Raises :class:`PluginLoadError`, :class:`PluginCrashError` or :class:`PluginHangError`.
    """
    require_pedalboard()
    with tempfile.TemporaryDirectory(prefix="unsynth-") as folder:
        # By a file, since plugins print what they like.
        reply = Path(folder) / "reply.json"
        command = [sys.executable, "-m", "unsynth.synths.plugins", str(reply), str(bundle)]
        command += [] if name is None else [name]
        try:
            done = subprocess.run(
                command, timeout=patience, capture_output=True, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired:
            raise PluginHangError(
                f"{bundle} gave no answer in {patience:g} s: it hangs, or asks for something on "
                "a screen; start it once in a host of yours, or leave it out"
            ) from None
        if not reply.exists():
            raise PluginCrashError(
                f"{bundle} crashes when it is loaded (exit code {done.returncode}): the file is "
                "damaged or not for this system; install the plugin again"
            )
        found = json.loads(reply.read_text(encoding="utf-8"))
    if isinstance(found, str):
        raise PluginLoadError(found)
    return tuple(PluginClass(**each) for each in found)


def instrument(bundle: Path, name: str | None = None) -> PluginClass:
    """Find a bundle's instrument; ``name`` may be left out where there is but one.

    Raises as :func:`inspect` does, :class:`NotAnInstrumentError` for an effect, and
    :class:`PluginLoadError` where it is not clear which is meant.
    """
    found = inspect(bundle, name)
    playable = [each for each in found if each.is_instrument]
    if not playable:
        names = ", ".join(each.name for each in found)
        raise NotAnInstrumentError(
            f"{bundle}: {names} plays no notes, it is an effect; give an instrument"
        )
    if len(playable) > 1:
        names = ", ".join(each.name for each in playable)
        raise PluginLoadError(f"{bundle} holds several instruments; say which of them: {names}")
    return playable[0]


def classes(bundle: Path, name: str | None) -> tuple[PluginClass, ...]:
    """Load what is in a bundle, here and now; see :func:`inspect`."""
    import pedalboard

    try:
        names = pedalboard.VST3Plugin.get_plugin_names_for_file(str(bundle))
        if name is not None and name not in names:
            known = ", ".join(names)
            raise PluginLoadError(f"{bundle} holds no plugin {name!r}, but: {known}")
        found = []
        for each in names if name is None else [name]:
            plugin = load(bundle, each)
            count = len(plugin._parameters)
            made_by, version = plugin.manufacturer_name, plugin.version
            found.append(PluginClass(each, made_by, version, plugin.is_instrument, count))
    except (ImportError, RuntimeError, ValueError) as error:
        raise PluginLoadError(f"{bundle} cannot be loaded as a VST3 plugin: {error}") from None
    if not found:
        raise PluginLoadError(f"{bundle} holds no VST3 plugin for this system")
    return tuple(found)


def load(bundle: Path, name: str) -> "VST3Plugin":
    """Load a class of a bundle into this process.

    Without a timeout of 0 each new instance would play a note and wait up to 10 s to hear it.
    Raises what pedalboard raises.
    """
    import pedalboard

    # pedalboard asks its own class for this, before the plugin is one of ours.
    setattr(pedalboard.VST3Plugin, _INITIAL_VALUES, _leave_as_they_are)
    try:
        return _quick_plugin()(str(bundle), plugin_name=name, initialization_timeout=0.0)
    finally:
        delattr(pedalboard.VST3Plugin, _INITIAL_VALUES)


def _leave_as_they_are(plugin: "VST3Plugin", values: object) -> None:
    """Make no attributes of a plugin's parameters, which nothing here uses.

    They cost 1,000 texts a parameter: 17 s for 2,090 parameters.
    """


@lru_cache
def _quick_plugin() -> "type[VST3Plugin]":
    """Make pedalboard's plugin with an error for misspelt names, which it takes in silence."""
    import pedalboard

    class Quick(pedalboard.VST3Plugin):
        def __setattr__(self, name: str, value: object) -> None:
            getattr(type(self), name)
            object.__setattr__(self, name, value)

    return Quick


def require_pedalboard() -> None:
    """Raise :class:`EngineError` where the host is not installed."""
    try:
        import pedalboard  # noqa: F401
    except ImportError:
        raise EngineError(
            "the host of VST3 plugins is not installed: pip install 'unsynth[vst3]'"
        ) from None


def available(patience: float = PATIENCE) -> Iterator[tuple[Path, tuple[PluginClass, ...] | str]]:
    """Go through :func:`bundles`: each with what it holds, or why it cannot be loaded."""
    require_pedalboard()
    for bundle in bundles():
        try:
            yield bundle, inspect(bundle, None, patience)
        except UnsynthError as error:
            yield bundle, str(error)


def _answer(reply: Path, bundle: Path, name: str | None = None) -> None:
    """Write what is in a bundle, or why it cannot be loaded, and only then its file's name."""
    found: list[dict[str, object]] | str
    try:
        found = [asdict(each) for each in classes(bundle, name)]
    except PluginLoadError as error:
        found = str(error)
    with replacing(reply) as unfinished:
        unfinished.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    _answer(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
