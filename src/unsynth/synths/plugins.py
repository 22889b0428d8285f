"""VST3 plugins on this machine: where they are, and what a bundle holds.

A damaged bundle can kill the process that loads it, and a bad one can hang. Unknown bundles are
therefore inspected in a separate process. The standard folders are those of Steinberg, "VST 3
Developer Portal: Plug-in Locations".
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
from unsynth.files import replacing, visible_entries

if TYPE_CHECKING:
    from pedalboard import VST3Plugin

#: Environment variable with folders or bundles, separated as in PATH, to search before the
#: standard folders.
PLACES_VARIABLE = "UNSYNTH_VST3"
#: Environment variable with the path of a bundle to use instead of the one requested.
CHOICE_VARIABLE = "UNSYNTH_PLUGIN"
#: Seconds after which a plugin under inspection counts as hanging. Plugins with thousands of
#: parameters are slow to load.
INSPECTION_TIMEOUT = 120.0
#: Method that pedalboard's plugin class calls on a new plugin to set parameters.
_INITIAL_VALUES = "__set_initial_parameter_values__"


class PluginNotFoundError(EngineError):
    """There is no bundle at a path, or under a name in the standard folders."""


class PluginLoadError(EngineError):
    """A bundle cannot be loaded: it is no plugin, is for another system, or lacks the class."""


class PluginCrashError(EngineError):
    """A plugin crashed its process; the usual cause is a damaged binary."""


class PluginHangError(EngineError):
    """A plugin did not answer in time."""


class NotAnInstrumentError(EngineError):
    """The plugin is an effect, which plays no notes."""


@dataclass(frozen=True)
class PluginClass:
    """A plugin in a bundle: the name to load it by, and the number of its parameters."""

    name: str
    maker: str
    version: str
    is_instrument: bool
    parameters: int


def places() -> list[Path]:
    """List where to search for plugins on this system, the user's own places first."""
    own = [Path(p) for p in os.environ.get(PLACES_VARIABLE, "").split(os.pathsep) if p]
    home = Path.home()
    if sys.platform == "darwin":
        library = Path("Library/Audio/Plug-Ins/VST3")
        standard = [home / library, "/" / library]
    elif sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", str(home / "AppData" / "Local"))
        common = os.environ.get("COMMONPROGRAMFILES", r"C:\Program Files\Common Files")
        standard = [Path(local) / "Programs" / "Common" / "VST3", Path(common) / "VST3"]
    else:
        standard = [home / ".vst3", Path("/usr/lib/vst3"), Path("/usr/local/lib/vst3")]
    return own + standard


def bundles() -> list[Path]:
    """List the bundles in :func:`places`, each once; a bundle may be a folder or a file."""
    paths: dict[Path, None] = {}
    for place in places():
        if place.suffix.lower() == ".vst3":
            candidates = [place] if place.exists() else []
        else:
            candidates = visible_entries(place, {".vst3"}, below=True)
        for path in candidates:
            # On Windows a bundle is a folder that holds a file with the same suffix.
            if not any(parent.suffix.lower() == ".vst3" for parent in path.parents):
                paths[path] = None
    return list(paths)


def find_bundle(plugin: str) -> Path:
    """Find a bundle by its path, or by its file name in :func:`places`.

    If the environment variable UNSYNTH_PLUGIN is set, its bundle is used instead. Raises
    :class:`PluginNotFoundError`, which lists the places searched.
    """
    plugin = os.environ.get(CHOICE_VARIABLE) or plugin
    path = Path(plugin).expanduser()
    if path.exists():
        return path.resolve()
    if path.name == plugin:
        name = plugin if path.suffix.lower() == ".vst3" else f"{plugin}.vst3"
        for bundle in bundles():
            if bundle.name.lower() == name.lower():
                return bundle.resolve()
        searched = ", ".join(map(str, places()))
        raise PluginNotFoundError(
            f"no plugin {name} in {searched}: install it, or give its path with --plugin"
        )
    raise PluginNotFoundError(f"{plugin}: there is no plugin here; check the path")


@lru_cache
def inspect(
    bundle: Path, name: str | None = None, timeout: float = INSPECTION_TIMEOUT
) -> tuple[PluginClass, ...]:
    """Load a bundle in another process and list its plugins, or only the plugin ``name``.

    Raises :class:`PluginLoadError`, :class:`PluginCrashError` or :class:`PluginHangError`.
    """
    require_pedalboard()
    with tempfile.TemporaryDirectory(prefix="unsynth-") as folder:
        # The reply goes through a file, because plugins may print anything to standard output.
        reply = Path(folder) / "reply.json"
        command = [sys.executable, "-m", "unsynth.synths.plugins", str(reply), str(bundle)]
        command += [] if name is None else [name]
        try:
            process = subprocess.run(
                command, timeout=timeout, capture_output=True, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired:
            raise PluginHangError(
                f"{bundle} gave no answer in {timeout:g} s: it hangs, or waits for input on the "
                "screen; open it once in your own host, or leave it out"
            ) from None
        if not reply.exists():
            raise PluginCrashError(
                f"{bundle} crashes when it is loaded (exit code {process.returncode}): the file is "
                "damaged or for another system; install the plugin again"
            )
        answer = json.loads(reply.read_text(encoding="utf-8"))
    if isinstance(answer, str):
        raise PluginLoadError(answer)
    return tuple(PluginClass(**each) for each in answer)


def instrument(bundle: Path, name: str | None = None) -> PluginClass:
    """Find a bundle's instrument; ``name`` is needed only if the bundle holds several.

    Raises the errors of :func:`inspect`, :class:`NotAnInstrumentError` for an effect, and
    :class:`PluginLoadError` if several instruments match.
    """
    plugins = inspect(bundle, name)
    instruments = [each for each in plugins if each.is_instrument]
    if not instruments:
        names = ", ".join(each.name for each in plugins)
        raise NotAnInstrumentError(
            f"{bundle}: {names} plays no notes, it is an effect; give an instrument"
        )
    if len(instruments) > 1:
        names = ", ".join(each.name for each in instruments)
        raise PluginLoadError(f"{bundle} holds several instruments; say which of them: {names}")
    return instruments[0]


def classes(bundle: Path, name: str | None) -> tuple[PluginClass, ...]:
    """Load the plugins of a bundle in this process and describe them; see :func:`inspect`."""
    import pedalboard

    try:
        names = pedalboard.VST3Plugin.get_plugin_names_for_file(str(bundle))
        if name is not None and name not in names:
            raise PluginLoadError(f"{bundle} holds no plugin {name!r}, but: {', '.join(names)}")
        plugins = []
        for each in names if name is None else [name]:
            plugin = load(bundle, each)
            count = len(plugin._parameters)
            maker, version = plugin.manufacturer_name, plugin.version
            plugins.append(PluginClass(each, maker, version, plugin.is_instrument, count))
    except (ImportError, RuntimeError, ValueError) as error:
        raise PluginLoadError(f"{bundle} cannot be loaded as a VST3 plugin: {error}") from None
    if not plugins:
        raise PluginLoadError(f"{bundle} holds no VST3 plugin for this system")
    return tuple(plugins)


def load(bundle: Path, name: str) -> "VST3Plugin":
    """Load a plugin of a bundle into this process.

    The initialization timeout must be 0. Otherwise each new instance plays a note and waits up to
    10 s for its sound. Raises the errors of pedalboard.
    """
    import pedalboard

    # pedalboard looks this method up on its own class, so overriding it in a subclass has no
    # effect.
    setattr(pedalboard.VST3Plugin, _INITIAL_VALUES, _skip_parameter_attributes)
    try:
        return _strict_plugin()(str(bundle), plugin_name=name, initialization_timeout=0.0)
    finally:
        delattr(pedalboard.VST3Plugin, _INITIAL_VALUES)


def _skip_parameter_attributes(plugin: "VST3Plugin", values: object) -> None:
    """Do not create an attribute per parameter: nothing here uses them.

    pedalboard reads 1,000 texts per parameter to create them: 17 s for 2,090 parameters.
    """


@lru_cache
def _strict_plugin() -> "type[VST3Plugin]":
    """Derive a class that rejects misspelt attribute names, which pedalboard's own accepts."""
    import pedalboard

    class StrictPlugin(pedalboard.VST3Plugin):
        def __setattr__(self, name: str, value: object) -> None:
            getattr(type(self), name)
            object.__setattr__(self, name, value)

    return StrictPlugin


def require_pedalboard() -> None:
    """Raise :class:`EngineError` if pedalboard is not installed."""
    try:
        import pedalboard  # noqa: F401
    except ImportError:
        raise EngineError(
            "the host of VST3 plugins is not installed: pip install 'unsynth[vst3]'"
        ) from None


def available(
    timeout: float = INSPECTION_TIMEOUT,
) -> Iterator[tuple[Path, tuple[PluginClass, ...] | str]]:
    """Yield each of :func:`bundles` with its plugins, or the reason why it cannot be loaded."""
    require_pedalboard()
    for bundle in bundles():
        try:
            yield bundle, inspect(bundle, None, timeout)
        except UnsynthError as error:
            yield bundle, str(error)


def _answer(reply: Path, bundle: Path, name: str | None = None) -> None:
    """Write the plugins of a bundle to a file, or the reason why it cannot be loaded.

    The file appears only when it is complete: without it, :func:`inspect` reports a crash.
    """
    answer: list[dict[str, object]] | str
    try:
        answer = [asdict(each) for each in classes(bundle, name)]
    except PluginLoadError as error:
        answer = str(error)
    with replacing(reply) as unfinished:
        unfinished.write_text(json.dumps(answer), encoding="utf-8")


# `inspect` runs this module as a program, so that a plugin that crashes ends only that process.
if __name__ == "__main__":
    _answer(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
