"""Banks of Vital (``.vitalbank`` files), which are ZIP archives.

Vital 1.5 writes presets as ``BANK/Presets/NAME.vital``, each with its own wavetables, LFO shapes
and sample. Other folders hold loose wavetables, LFO shapes and samples, which no preset needs.
"""

import zipfile
import zlib
from pathlib import Path, PurePosixPath

from unsynth.documents import MOST_BYTES, printable
from unsynth.errors import PatchError

#: The most presets of a bank, and the most bytes of all of them together.
_MOST_PRESETS, _MOST_TOTAL_BYTES = 2_000, 1_000_000_000
#: What reading a damaged or encrypted archive raises.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError),
    *(NotImplementedError, RuntimeError, OverflowError),
)


def read_vital_bank(path: Path) -> list[tuple[str, bytes]]:
    """Read the presets of a bank: the name of each, and the bytes of its ``.vital`` file.

    Hidden files are left out, such as ``._NAME`` of archives that macOS made. Raises
    :class:`PatchError` for a file that is no bank, is damaged, holds no preset or too much.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if _is_preset(member.filename)]
            _check_sizes(members)
            return [
                (printable(PurePosixPath(member.filename).stem), archive.read(member))
                for member in members
            ]
    except _DAMAGE as error:
        reason = " ".join(str(error).split())[:120]
        raise PatchError(f"cannot be read as a bank of Vital ({reason})") from None


def _is_preset(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() == ".vital" and not path.name.startswith(".")


def _check_sizes(members: list[zipfile.ZipInfo]) -> None:
    if not members:
        raise PatchError("this bank holds no presets of Vital")
    if len(members) > _MOST_PRESETS:
        raise PatchError(f"this bank holds {len(members):,} presets, more than {_MOST_PRESETS:,}")
    sizes = [member.file_size for member in members]
    if max(sizes) > MOST_BYTES or sum(sizes) > _MOST_TOTAL_BYTES:
        raise PatchError(
            f"a preset of this bank has more than {MOST_BYTES / 1e6:g} MB, or all have more than "
            f"{_MOST_TOTAL_BYTES / 1e9:g} GB"
        )
