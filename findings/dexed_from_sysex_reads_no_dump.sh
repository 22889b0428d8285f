#!/usr/bin/env bash
# Patch.from_sysex of dexed-py reads a single-voice dump as another voice, without an error.
#
# Library: dexed-py 0.3.0 (PyPI), the engine of Dexed.
# Guess: from_sysex() reads the system exclusive message of one voice: the 163 bytes F0 43 00 00
#   01 1B, 155 bytes of data, checksum, F7. Or it raises an error for anything else.
# Behaviour: it wants the data alone, 155 bytes or more, and takes the first 155 bytes of whatever
#   it gets. Of a dump these begin with the header, so every value is six bytes off and the name loses
#   its end. to_sysex() writes no header either, so its 156 bytes are no message that a DX7 or Dexed
#   would take. load_bank() does skip the header of a bank. Cut a dump to its bytes 6 to 160 first.
#
# Output seen:
#   to_sysex(): 156 bytes, the first is not F0
#   a dump of 'ABCDEFGHIJ': name '......ABCD' (dots are spaces and control characters)
#   its bytes 6 to 160: name 'ABCDEFGHIJ', the same voice
#
# Exits with 1 if dexed-py behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dexed-py==0.3.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

from dexed import Patch

voice = Patch(name="ABCDEFGHIJ")
data = bytes(voice.to_sysex())
payload = data[:155]
dump = b"\xf0\x43\x00\x00\x01\x1b" + payload + bytes([-sum(payload) & 0x7F, 0xF7])
shifted, right = Patch.from_sysex(dump), Patch.from_sysex(dump[6:161])
printable = "".join(c if c.isprintable() and c != " " else "." for c in shifted.name)
print(f"to_sysex(): {len(data)} bytes, the first is {'F0' if data[0] == 0xF0 else 'not F0'}")
print(f"a dump of {voice.name!r}: name {printable!r}")
same = bytes(right.to_sysex()) == data
print(f"its bytes 6 to 160: name {right.name!r}, {'the same voice' if same else 'another voice'}")
sys.exit(not (len(data) == 156 and data[0] != 0xF0 and shifted.name.endswith("ABCD") and same))
PYTHON
