"""Banks of Vital (``.vitalbank`` files), which are ZIP archives.

Vital's own export writes presets as ``BANK/Presets/NAME.vital``, each with its own wavetables, LFO
shapes and sample. Other folders hold loose wavetables, LFO shapes and samples, which no preset
needs. After ``bank_exporter.cpp`` of Vital's published source.
"""

import zipfile
import zlib
from pathlib import Path, PurePosixPath

from unsynth.documents import MOST_BYTES, printable
from unsynth.errors import PatchError

#: The end of a bank's name.
SUFFIX = ".vitalbank"
#: The most presets of a bank, and the most bytes of all of them together.
_MOST_PRESETS, _MOST_TOTAL_BYTES = 2_000, 1_000_000_000
#: What reading a damaged or encrypted archive raises.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError),
    *(NotImplementedError, RuntimeError, OverflowError, MemoryError),
)
#: How Vital and common archivers store files.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def read_vital_bank(path: Path) -> list[tuple[str, bytes]]:
    """Read the presets of a bank: the name of each, and the bytes of its ``.vital`` file.

    Hidden files are left out, such as ``._NAME`` of archives that macOS made. Raises
    :class:`PatchError` for a file that is no bank, is damaged, holds no preset or too much.
    """
    presets: list[tuple[str, bytes]] = []
    left = _MOST_TOTAL_BYTES
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if _is_preset(member.filename)]
            if len(members) > _MOST_PRESETS:
                raise PatchError(
                    f"holds {len(members):,} presets; make banks of at most {_MOST_PRESETS:,}"
                )
            for member in members:
                name = printable(PurePosixPath(member.filename).stem)
                data = _read_member(archive, member, name)
                left -= len(data)
                if left < 0:
                    raise PatchError(
                        f"its presets have more than {_MOST_TOTAL_BYTES / 1e9:g} GB together; "
                        "make smaller banks"
                    )
                presets.append((name, data))
    except _DAMAGE as error:
        reason = " ".join(str(error).split())[:120]
        raise PatchError(
            f"cannot be read as a bank of Vital ({reason}); export it from Vital again"
        ) from None
    if not presets:
        raise PatchError("this bank holds no presets of Vital")
    return presets


def _is_preset(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() == ".vital" and not path.name.startswith(".")


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> bytes:
    if member.compress_type not in _METHODS:
        raise zipfile.BadZipFile(f"{name} is compressed in another way than Vital's")
    # The size in the archive may be wrong, so it bounds nothing.
    with archive.open(member) as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise PatchError(f"{name} has more than {MOST_BYTES / 1e6:g} MB; leave it out of the bank")
    return data
