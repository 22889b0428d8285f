"""Names, shapes and units that the whole package shares.

Audio
    float32, shape ``(channels, samples)``, or ``(samples,)`` where a function says mono. Full
    scale is 1; synthesizers may exceed it. 44,100 Hz and 4 s unless an argument says otherwise.
Units
    Sample rates in Hz, times in seconds, levels in dB, pitch in MIDI note numbers (60 is
    middle C, 69 is 440 Hz). Names on a synthesizer's panel keep the panel's units.
Patch
    A float64 array of shape ``(parameters,)``: the natural values of all parameters in the order
    of the task's spec. A category is the index of its choice. The note comes last: pitch, onset,
    duration (the paper, section 3, footnote 1, counts them as parameters too). Several patches
    have shape ``(items, parameters)``.
Vector
    A patch as a model sees it: encoded in ``[-1, 1]^d``, shape ``(items, d)``.
Time of the flow
    ``x0`` is noise at t = 0, ``x1`` is data at t = 1.
Randomness
    Every random function takes a ``numpy.random.Generator`` or a seed. There is no global state.
"""

#: The default sample rate of engines, in Hz.
SAMPLE_RATE = 44_100
#: The sample rates that an engine may run at, in Hz.
LOWEST_RATE, HIGHEST_RATE = 22_050, 192_000
#: The length of every sound, in seconds.
SECONDS = 4.0
#: The length of every sound at the default sample rate.
SAMPLES = 176_400
