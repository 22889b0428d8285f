#!/usr/bin/env bash
# mingus' instrument on channel 7 turns the volume of channel 0 down to 1.
#
# Library: mingus 0.6.1 (PyPI), music theory and MIDI files; MidiInstrument in midi_file_out.
# Guess: an instrument writes a bank select (controller 0) and a program change to the channel of
#   its notes, and touches no other channel.
# Behaviour: the bank select has its arguments in the wrong order. It goes to channel 0 always, as
#   the controller whose number is the channel of the notes, with the value 1. So an instrument on
#   channel 7 sets the volume of channel 0 to 1 of 127, which is 84 dB down in General MIDI. One on
#   channel 10 pans channel 0 to the left, one on channel 11 takes its expression away, one on
#   channel 5 gives it portamento time, and the default channel 1 moves its modulation wheel.
#   Channel 0 alone gets its bank select; the others never do. What is on channel 0 is silent or
#   wrong, depending on another track.
#
# Output seen:
#   notes on channel 0: channel 0, controller 0 = 1; channel 0, program 40
#   notes on channel 1: channel 0, controller 1 = 1; channel 1, program 40
#   notes on channel 7: channel 0, controller 7 = 1; channel 7, program 40
#   notes on channel 10: channel 0, controller 10 = 1; channel 10, program 40
#   notes on channel 11: channel 0, controller 11 = 1; channel 11, program 40
#
# Exits with 1 if mingus behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mingus==0.6.1 mido==1.3.3
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import mido
from mingus.containers import Bar, Note, Track
from mingus.containers.instrument import MidiInstrument
from mingus.midi.midi_file_out import write_Track

ok = True
for channel in (0, 1, 7, 10, 11):
    violin = MidiInstrument()
    violin.instrument_nr = 40
    track = Track(violin)
    track.add_bar(Bar())
    track.bars[0].place_notes(Note("C", 4, channel=channel), 4)
    write_Track("track.mid", track)
    events = [event for event in mido.MidiFile("track.mid").tracks[0] if not event.is_meta]
    select, program, start = events[:3]
    print(
        f"notes on channel {start.channel}: channel {select.channel}, controller {select.control}"
        f" = {select.value}; channel {program.channel}, program {program.program}"
    )
    ok = ok and start.channel == program.channel == channel
    ok = ok and (select.channel, select.control, select.value) == (0, channel, 1)
sys.exit(not ok)
PYTHON
