"""DX7 voices as MIDI system exclusive bytes (``.syx``).

A *voice* is 155 bytes: 21 bytes per operator, operator 6 first, then 29 bytes for the whole voice,
of which the last 10 are its name. A bank packs 32 voices into 128 bytes each, between a header and
a checksum: 4,104 bytes, which Dexed and a DX7 load. A single voice is sent unpacked, in 163 bytes.
(Yamaha DX7 Operation Manual, "MIDI data format", 1983.)
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from unsynth.errors import PatchError

#: Bytes of a voice, unpacked.
VOICE_BYTES = 155
#: Voices in a bank.
BANK_VOICES = 32
#: Bytes of a voice in a bank.
_PACKED_BYTES = 128
_BANK_HEADER = bytes([0xF0, 0x43, 0x00, 0x09, 0x20, 0x00])
_VOICE_HEADER = bytes([0xF0, 0x43, 0x00, 0x00, 0x01, 0x1B])

_OPERATOR_MAXIMA = [99] * 11 + [3, 3, 7, 3, 7, 99, 1, 31, 99, 14]
_GLOBAL_MAXIMA = [99] * 8 + [31, 7, 1, 99, 99, 99, 99, 1, 5, 7, 48]
#: The largest value of each byte of a voice, shape (155,).
VOICE_MAXIMA = np.array(_OPERATOR_MAXIMA * 6 + _GLOBAL_MAXIMA + [127] * 10, dtype=np.uint8)

Voice = UInt8[np.ndarray, "155"]


def init_voice(name: str = "INIT VOICE") -> Voice:
    """Make the voice of a DX7 after "voice init": operator 1 alone, a sine."""
    operator = [99, 99, 99, 99, 99, 99, 99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 7]
    voice = np.array(
        operator * 6 + [99] * 4 + [50] * 4 + [0, 0, 1, 35, 0, 0, 0, 1, 0, 3, 24] + [32] * 10,
        dtype=np.uint8,
    )
    voice[5 * 21 + 16] = 99
    return rename_voice(voice, name)


def rename_voice(voice: Voice, name: str) -> Voice:
    """Copy a voice and give the copy a name, cut or padded to 10 ASCII characters.

    >>> voice_name(rename_voice(init_voice(), "E.PIANO 1 and more"))
    'E.PIANO 1'
    """
    copy = voice.copy()
    text = name.encode("ascii", "replace")[:10].ljust(10)
    copy[145:155] = np.frombuffer(text, dtype=np.uint8)
    return copy


def voice_name(voice: Voice) -> str:
    """Read a voice's name, without spaces at its ends."""
    return bytes(voice[145:155]).decode("ascii", "replace").strip()


def check_voice(voice: Voice) -> None:
    """Raise :class:`PatchError` for the first byte out of range, as engines do not check."""
    too_large = np.flatnonzero(voice > VOICE_MAXIMA)
    if too_large.size:
        at = int(too_large[0])
        raise PatchError(f"DX7 voice: byte {at} is {voice[at]}; its maximum is {VOICE_MAXIMA[at]}")


def pack_voice(voice: Voice) -> bytes:
    """Pack a voice into the 128 bytes that it takes in a bank.

    Raises :class:`PatchError` for a byte out of range.
    """
    check_voice(voice)
    v = voice.astype(int)
    packed = []
    for start in range(0, 126, 21):
        op = v[start : start + 21]
        packed += op[:11].tolist()
        packed += [
            op[11] | op[12] << 2,
            op[13] | op[20] << 3,
            op[14] | op[15] << 2,
            op[16],
            op[17] | op[18] << 1,
            op[19],
        ]
    packed += v[126:135].tolist()
    packed += [v[135] | v[136] << 3, *v[137:141].tolist(), v[141] | v[142] << 1 | v[143] << 4]
    packed += v[144:155].tolist()
    return bytes(int(byte) for byte in packed)


def unpack_voice(packed: bytes) -> Voice:
    """Undo :func:`pack_voice`. Values above their maximum, as in some old banks, become it.

    Raises :class:`PatchError` for any other number of bytes than 128.
    """
    if len(packed) != _PACKED_BYTES:
        raise PatchError(f"a packed DX7 voice has {_PACKED_BYTES} bytes, not {len(packed)}")
    voice: list[int] = []
    for start in range(0, 102, 17):
        op = packed[start : start + 17]
        voice += op[:11]
        voice += [op[11] & 3, op[11] >> 2 & 3, op[12] & 7, op[13] & 3, op[13] >> 2 & 7]
        voice += [op[14], op[15] & 1, op[15] >> 1 & 31, op[16], op[12] >> 3 & 15]
    rest = packed[102:]
    voice += [*rest[:8], rest[8] & 31, rest[9] & 7, rest[9] >> 3 & 1, *rest[10:14]]
    voice += [rest[14] & 1, rest[14] >> 1 & 7, rest[14] >> 4 & 7, *rest[15:26]]
    return np.minimum(np.array(voice, dtype=np.uint8), VOICE_MAXIMA)


def _checksum(payload: bytes) -> int:
    return -sum(payload) & 0x7F


def write_bank(voices: Sequence[Voice]) -> bytes:
    """Write 1 to 32 voices as a bank, and fill it up with init voices.

    Raises :class:`PatchError` for more than 32 voices or a byte out of range.
    """
    if not 1 <= len(voices) <= BANK_VOICES:
        raise PatchError(f"a DX7 bank holds 1 to {BANK_VOICES} voices, not {len(voices)}")
    filled = [*voices, *[init_voice()] * (BANK_VOICES - len(voices))]
    payload = b"".join(pack_voice(voice) for voice in filled)
    return _BANK_HEADER + payload + bytes([_checksum(payload), 0xF7])


def write_voice(voice: Voice) -> bytes:
    """Write one voice as a dump of 163 bytes; raise :class:`PatchError` for a byte out of range."""
    check_voice(voice)
    payload = bytes(voice)
    return _VOICE_HEADER + payload + bytes([_checksum(payload), 0xF7])


def read_voices(data: bytes) -> list[Voice]:
    """Read every voice in a ``.syx`` file: banks, single voices, or a bare bank of 4,096 bytes.

    The MIDI channel in a header does not matter. Raises :class:`PatchError` if the file holds no
    DX7 voice, is truncated, or has a wrong checksum.
    """
    if len(data) == BANK_VOICES * _PACKED_BYTES and data[0] != 0xF0:
        return _unpack_bank(data)
    voices: list[Voice] = []
    for at in _message_starts(data):
        for header, size in ((_BANK_HEADER, 4096), (_VOICE_HEADER, VOICE_BYTES)):
            head = data[at : at + 6]
            if head[:2] != header[:2] or head[3:] != header[3:]:
                continue
            payload = data[at + 6 : at + 6 + size]
            if len(payload) < size or len(data) < at + 7 + size:
                raise PatchError("this .syx file is cut short; save it again from its source")
            if _checksum(payload) != data[at + 6 + size] & 0x7F:
                raise PatchError("this .syx file's checksum is wrong: it is damaged")
            if size == VOICE_BYTES:
                voices.append(np.minimum(np.frombuffer(payload, dtype=np.uint8), VOICE_MAXIMA))
            else:
                voices += _unpack_bank(payload)
    if not voices:
        raise PatchError("no DX7 voice in this file: a bank has 4,104 bytes, one voice 163")
    return voices


def _message_starts(data: bytes) -> list[int]:
    return [at for at, byte in enumerate(data) if byte == 0xF0]


def _unpack_bank(payload: bytes) -> list[Voice]:
    return [
        unpack_voice(payload[at : at + _PACKED_BYTES])
        for at in range(0, BANK_VOICES * _PACKED_BYTES, _PACKED_BYTES)
    ]
