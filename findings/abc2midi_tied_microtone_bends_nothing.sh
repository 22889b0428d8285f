#!/usr/bin/env bash
# abc2midi loses a microtone after a tie: a note that should bend up keeps its pitch.
# Needs Debian 12 on amd64 (or a system with its apt and libc), and the lists of "apt-get update".
#
# Program: abc2midi of abcmidi 2023.02.08 (Debian's abcmidi 20230208+ds1-1). Seen in December 2026;
#   the newest source at GitHub (691dc4b, June 2026) does the same.
# Guess: its guide (abcguide.txt) says "Microtones may be placed between tied notes, producing a
#   pitch bend effect. eg G- ^/G." So the G goes up by 50 cents after one beat.
# Behaviour: the tied note gets no pitch bend at all, in the guide's own example and across a bar.
#   Without the tie the second G is struck again, 50 cents sharp.
# Cost: a slide or a blue note that is written as in the guide is not heard, and abc2midi prints no
#   warning.
#
# Output seen (tempo of 60 beats per minute, unit length of a beat; pitch bend in cents):
#   G- ^/G z2| 0 s: on 67, 2 s: off 67
#   G-|^/G z3| 0 s: on 67, 2 s: off 67
#   G ^/G z2|  0 s: on 67, 1 s: off 67, 1 s: bend 50, 1 s: on 67, 2 s: off 67
#   warnings: 0
#
# Exits with 1 if abc2midi behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User="$(id -un)" download abcmidi=20230208+ds1-1
dpkg -x "$folder"/abcmidi_*.deb "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mido==1.3.3
"$folder/venv/bin/python" - "$folder/usr/bin/abc2midi" <<'PYTHON'
import subprocess
import sys

import mido


def play(tune):
    """The notes and pitch bends of a tune in ABC, and whether abc2midi warns or complains."""
    with open("tune.abc", "w") as file:
        file.write(f"X:1\nT:tune\nM:4/4\nL:1/4\nQ:1/4=60\nK:C\n{tune}\n")
    command = [sys.argv[1], "tune.abc", "-o", "tune.mid"]
    done = subprocess.run(command, capture_output=True, text=True)
    text = (done.stdout + done.stderr).lower()
    time, events = 0, []
    for message in mido.MidiFile("tune.mid"):
        time += message.time
        if message.type == "pitchwheel":
            events.append(f"{time:.0f} s: bend {200 * message.pitch / 8192:.0f}")
        if message.type in ("note_on", "note_off"):
            events.append(f"{time:.0f} s: {message.type.replace('note_', '')} {message.note}")
    return ", ".join(events), "warning" in text or "error" in text


seen, warnings = {}, 0
for tune in ("G- ^/G z2|", "G-|^/G z3|", "G ^/G z2|"):
    seen[tune], warned = play(tune)
    warnings += warned
    print(f"{tune:10} {seen[tune]}")
print("warnings:", warnings)
tied = "0 s: on 67, 2 s: off 67"
struck = "0 s: on 67, 1 s: off 67, 1 s: bend 50, 1 s: on 67, 2 s: off 67"
sys.exit(not ([*seen.values()] == [tied, tied, struck] and not warnings))
PYTHON
