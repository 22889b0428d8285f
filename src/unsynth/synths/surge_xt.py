"""Surge XT: a VST3 instrument whose base patch is its own init patch, edited.

No preset is needed and none is shipped: attributes and modulation routings, which no parameter of
the host reaches, are written into the XML of the state that a fresh instance has
(:mod:`unsynth.formats.surge`).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from unsynth.formats.surge import (
    SurgePatch,
    Table,
    differences,
    edited,
    read_surge_patch,
    surge_fxp,
    surge_name,
    surge_preset,
)
from unsynth.formats.vst import read_vstpreset, write_vstpreset
from unsynth.synths.vst3 import FLUSH, VST3, RawPatch, load_preset

if TYPE_CHECKING:
    from pedalboard import VST3Plugin


#: The patch that the base patch is made of.
_INIT = "Init"


class SurgeXT(VST3):
    """Surge XT 1.3; ``base`` says what is to be changed in the init patch.

    Effects and modulators take longer to come to rest than one note: see ``flush`` in
    :class:`~unsynth.synths.vst3.VST3`.
    """

    def __init__(
        self,
        plugin: str = "Surge XT",
        *,
        base: Table,
        choices: Mapping[str, Sequence[float]] | None = None,
        flush: float = FLUSH,
    ) -> None:
        super().__init__(plugin, "Surge XT", choices=choices, flush=flush)
        self._base = base
        self._started_with = ""

    def patch(self) -> SurgePatch:
        """Read the patch that the plugin holds now."""
        return read_surge_patch(read_vstpreset(self._open().preset_data).chunks["Comp"])

    def complaints(self, patches: Sequence[RawPatch]) -> list[str]:
        """Say also where the base patch is not as the table has it, before any patch is set."""
        wrong = [f"the base patch: {each}" for each in differences(self.patch(), self._base)]
        if self._started_with != _INIT:
            wrong.append(
                f"the plugin starts with the patch {self._started_with!r}, not {_INIT!r}: what "
                "the base patch does not name is as there; choose the factory's init patch in "
                "Surge's menu (Patch Defaults)"
            )
        return wrong + super().complaints(patches)

    def files(self, patch: RawPatch, name: str) -> dict[str, bytes]:
        """Make a ``.vstpreset``, and an ``.fxp`` that Surge's own browser opens, by suffix."""
        files = super().files(patch, name)
        own = read_surge_patch(read_vstpreset(files[".vstpreset"]).chunks["Comp"])
        return {**files, ".fxp": surge_fxp(own, name)}

    def _prepare(self, plugin: "VST3Plugin") -> None:
        init = plugin.preset_data
        self._started_with = surge_name(read_surge_patch(read_vstpreset(init).chunks["Comp"]))
        load_preset(plugin, surge_base(init, self._base))


def surge_base(init: bytes, base: Table) -> bytes:
    """Edit an init patch (a ``.vstpreset``'s bytes) as a table says.

    Raises :class:`~unsynth.errors.PatchError` for bytes that hold no Surge patch.
    """
    preset = read_vstpreset(init)
    made = edited(read_surge_patch(preset.chunks["Comp"]), base)
    return write_vstpreset(surge_preset(preset, made))
