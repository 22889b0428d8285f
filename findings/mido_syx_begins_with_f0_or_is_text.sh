#!/usr/bin/env bash
# mido reads a bank of DX7 voices with a byte before it as text, and fails.
#
# Library: mido 1.3.3 (PyPI), read_syx_file().
# Guess: stray bytes are skipped wherever they stand, since a MIDI parser waits for the next status
#   byte: before the first message as between two.
# Behaviour: between two messages they are skipped. If the first byte of the file is not F0, the file
#   is taken for hexadecimal text: binary data ends in a ValueError of fromhex(), and text such as
#   "F0 43 00 F7" is a message. Banks that were saved with a header or padding are not read; cut the
#   data at its first F0 and give it to mido.Parser.
#
# Output seen:
#   two banks with 3 bytes between them: [4102, 4102]
#   16 zero bytes, then a bank: ValueError
#   the same from its first F0, through a parser: [4102]
#   text: [2]
#
# Exits with 1 if mido behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mido==1.3.3
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys
from pathlib import Path

import mido

file = Path(sys.argv[1]) / "bank.syx"
voices = bytes(number % 100 for number in range(4096))
bank = bytes([0xF0, 0x43, 0x00, 0x09, 0x20, 0x00]) + voices
bank += bytes([-sum(voices) & 127, 0xF7])


def read(data):
    file.write_bytes(data)
    try:
        return [len(message.data) for message in mido.read_syx_file(str(file))]
    except ValueError:
        return "ValueError"


def parse(data):
    parser = mido.Parser()
    parser.feed(data[data.index(0xF0) :])
    return [len(message.data) for message in parser]


between = read(bank + bytes(3) + bank)
before = read(bytes(16) + bank)
parsed = parse(bytes(16) + bank)
text = read(b"F0 43 00 F7\n")
print("two banks with 3 bytes between them:", between)
print("16 zero bytes, then a bank:", before)
print("the same from its first F0, through a parser:", parsed)
print("text:", text)
sys.exit(not (between == [4102, 4102] and before == "ValueError" and parsed == [4102] and text == [2]))
PYTHON
