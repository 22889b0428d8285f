"""DX7 voices as MIDI system exclusive bytes (``.syx``).

A *voice* is 155 bytes: 21 bytes per operator, operator 6 first, then 29 bytes for the whole voice,
of which the last 10 are its name. A bank packs 32 voices into 128 bytes each, between a header and
a checksum: 4,104 bytes, which Dexed and a DX7 load. A single voice is sent unpacked, in 163 bytes.
(Yamaha DX7 Operation Manual, "MIDI data format", 1983.)

A dump is ``F0 43 0n``, n the MIDI channel, then a format and two bytes of size, the data, its
checksum and ``F7``. Data have 7 bits. Real-time messages, of one byte ``F8`` to ``FF``, may stand
anywhere between them. Formats of other instruments: Yamaha DX7s Owner's Manual, page 93, 1987.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np
from jaxtyping import UInt8

from unsynth.documents import counted
from unsynth.errors import PatchError
from unsynth.formats.midi_file import exclusive_messages, is_midi_file

#: Bytes of a voice, unpacked.
VOICE_BYTES = 155
#: Byte of the transposition in a voice, and its value for none.
_TRANSPOSE, _NOT_TRANSPOSED = 144, 24
#: Voices in a bank.
BANK_VOICES = 32
#: Bytes of a voice in a bank.
_PACKED_BYTES = 128
_BANK_BYTES = BANK_VOICES * _PACKED_BYTES
_BANK_HEADER = bytes([0xF0, 0x43, 0x00, 0x09, 0x20, 0x00])
_VOICE_HEADER = bytes([0xF0, 0x43, 0x00, 0x00, 0x01, 0x1B])
_DUMP_START = _BANK_HEADER[:2]
_DUMP_END = b"\xf7"
#: What dumps of DX7 voices hold, by their format and size in the header.
_DATA_BYTES = {_BANK_HEADER[3:]: _BANK_BYTES, _VOICE_HEADER[3:]: VOICE_BYTES}
#: What Yamaha's other formats hold.
_ADDITIONS = (
    "additions of a DX7 II or TX802 to its voices, such as unison, random pitch, the range of the "
    "pitch envelope, fractional scaling and controllers"
)
_FOUR_OPERATORS = "voices with 4 operators (TX81Z, DX11, DX21, DX27, DX100 and others)"
_OTHER_FORMATS = {
    0x01: "functions of a TX7",
    0x02: "functions of a TX7",
    0x03: _FOUR_OPERATORS,
    0x04: _FOUR_OPERATORS,
    0x05: _ADDITIONS,
    0x06: _ADDITIONS,
    0x7E: "performances, tunings or settings",
}

_OPERATOR_MAXIMA = [99] * 11 + [3, 3, 7, 3, 7, 99, 1, 31, 99, 14]
_GLOBAL_MAXIMA = [99] * 8 + [31, 7, 1, 99, 99, 99, 99, 1, 5, 7, 48]
#: The largest value of each byte of a voice, shape (155,).
VOICE_MAXIMA = np.array(_OPERATOR_MAXIMA * 6 + _GLOBAL_MAXIMA + [127] * 10, dtype=np.uint8)
#: The largest and the smallest value of each byte of a packed voice whose name can be printed.
_PACKED_MAXIMA = np.array(
    ([99] * 11 + [15, 119, 31, 99, 63, 99]) * 6
    + [99] * 8
    + [31, 15, 99, 99, 99, 99, 123, 48]
    + [126] * 10
)
_PACKED_MINIMA = np.array([0] * 118 + [32] * 10)
#: The most bytes out of range in a voice. People's voices have at most one (544 voices of 17
#: banks); bytes that are shifted by one place, 9 or more.
_MOST_OUT_OF_RANGE = 4

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
    """Read a voice's name, without spaces at its ends; "?" is a byte that is no character."""
    codes = voice[145:155].tolist()
    return "".join(chr(code) if 32 <= code < 127 else " ?"[code > 0] for code in codes).strip()


def transposition(voice: Voice) -> int:
    """Return the semitones from a key to the note that it plays, -24 to 24."""
    return int(voice[_TRANSPOSE]) - _NOT_TRANSPOSED


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

    Only 7 bits of each byte count. Raises :class:`PatchError` for any other number of bytes than
    128.
    """
    if len(packed) != _PACKED_BYTES:
        raise PatchError(f"a packed DX7 voice has {_PACKED_BYTES} bytes, not {len(packed)}")
    packed = _seven_bits(packed)
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
    return _BANK_HEADER + payload + bytes([_checksum(payload)]) + _DUMP_END


def write_voice(voice: Voice) -> bytes:
    """Write one voice as a dump of 163 bytes; raise :class:`PatchError` for a byte out of range."""
    check_voice(voice)
    payload = bytes(voice)
    return _VOICE_HEADER + payload + bytes([_checksum(payload)]) + _DUMP_END


@dataclass(frozen=True)
class SyxFile:
    """The DX7 voices of a file, and remarks on what is damaged or left out, one line each."""

    voices: tuple[Voice, ...]
    remarks: tuple[str, ...]


def read_syx(data: bytes) -> SyxFile:
    """Read every DX7 voice in a ``.syx`` file: banks, single voices, or banks without a header.

    The dumps may also stand in a MIDI file.

    Of a dump that is cut short, the voices before the cut are read; a wrong checksum is remarked.
    Raises :class:`PatchError`, which says what the file holds instead, if no voice can be read.
    """
    if from_midi_file := is_midi_file(data):
        data = exclusive_messages(data)
    everything = np.frombuffer(data, dtype=np.uint8)
    kept = np.flatnonzero(everything < 0xF8)
    stream = everything[kept].tobytes()
    voices: list[Voice] = []
    dumps = wrong = cut = 0
    others: Counter[str] = Counter()
    at = stream.find(_DUMP_START)
    while at >= 0:
        header = stream[at : at + 6]
        size = _DATA_BYTES.get(header[3:])
        is_bulk_dump = len(header) == 6 and header[2] < 0x10
        if is_bulk_dump and size is not None:
            message = data[kept[at] : kept[at] + size + 8]
            if message[7 + size :] != _DUMP_END:  # if it is, a real-time byte is a stray bit 7
                message = stream[at : at + size + 8]
            payload, checksum = _payload(message, size), message[6 + size : 7 + size]
            is_whole = len(payload) == size
            dumps, cut = dumps + 1, cut + (not is_whole)
            wrong += is_whole and [_checksum(payload)] != [byte & 0x7F for byte in checksum]
            voices += _voices(payload, size)
        elif is_bulk_dump and header[3] in _OTHER_FORMATS:
            others[_OTHER_FORMATS[header[3]]] += 1
        at = stream.find(_DUMP_START, at + 2)
    if not dumps and not others and _are_bare_banks(data):
        voices = _voices(data, len(data))
    if not voices:
        if from_midi_file and not stream:
            raise PatchError("this MIDI file holds no system exclusive message, so no voice")
        raise PatchError(_why_none(stream, cut, others))
    remarks = []
    if wrong:
        remarks.append(f"{wrong} of {dumps} dumps with a wrong checksum: voices may be damaged")
    if cut:
        remarks.append(f"{cut} of {dumps} dumps cut short: only the voices before the cut are read")
    remarks += [f"left out: {what} ({counted(n, 'dump')})" for what, n in others.items()]
    return SyxFile(tuple(voices), tuple(remarks))


def _payload(message: bytes, size: int) -> bytes:
    """Return the data of a dump, up to the next message if it is cut short."""
    payload = message[6 : 6 + size]
    if message[7 + size :] != _DUMP_END:
        ends = (payload.find(byte) for byte in (b"\xf0", _DUMP_END))
        payload = payload[: min((end for end in ends if end >= 0), default=size)]
    return _seven_bits(payload)


def _voices(payload: bytes, size: int) -> list[Voice]:
    """Return the voices in the data of a dump: of a bank that is cut short, those that are whole.

    If bytes are missing in the middle, what follows them makes no sense as a voice.
    """
    if size == VOICE_BYTES:
        voice = np.frombuffer(payload, dtype=np.uint8)
        return [np.minimum(voice, VOICE_MAXIMA)] if len(payload) == size else []
    whole = len(payload) // _PACKED_BYTES * _PACKED_BYTES
    packed = [payload[at : at + _PACKED_BYTES] for at in range(0, whole, _PACKED_BYTES)]
    return [unpack_voice(p) for p in (takewhile(_is_likely, packed) if whole < size else packed)]


def _are_bare_banks(data: bytes) -> bool:
    """Say whether a file is banks without a header, by its size and the values of its voices."""
    packed = [data[at : at + _PACKED_BYTES] for at in range(0, len(data), _PACKED_BYTES)]
    is_right_size = len(data) > 0 and len(data) % _BANK_BYTES == 0
    return is_right_size and sum(map(_is_likely, packed)) > len(packed) / 2


def _is_likely(packed: bytes) -> bool:
    """Say whether 128 bytes are a voice: few are out of range, and its name can be printed."""
    values = np.frombuffer(packed, dtype=np.uint8)
    out_of_range = (values < _PACKED_MINIMA) | (values > _PACKED_MAXIMA)
    return int(np.count_nonzero(out_of_range)) <= _MOST_OUT_OF_RANGE


def _why_none(stream: bytes, cut: int, others: Counter[str]) -> str:
    if cut:
        return "this file is cut short within its first voice; save it again from its source"
    if _FOUR_OPERATORS in others:
        return f"this file holds {_FOUR_OPERATORS}; a DX7 has 6 operators and cannot play them"
    if others:
        return f"no DX7 voice in this file, only {' and '.join(others)}"
    if stream[:1] == b"\xf0":
        return "no DX7 voice in this file: its MIDI messages are for another instrument"
    return "no DX7 voice in this file: a bank has 4,104 bytes, one voice 163"


def _seven_bits(data: bytes) -> bytes:
    return (np.frombuffer(data, dtype=np.uint8) & 0x7F).tobytes()
