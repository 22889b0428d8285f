"""Names, shapes and units that the whole package shares.

Audio
    float32, shape ``(channels, samples)`` or ``(samples,)`` where a function says mono; full
    scale is 1, and synthesizers may go past it. 44,100 Hz and 4 s unless an argument says so.
Units
    Sample rates in Hz, times in seconds, levels in dB, pitch in MIDI note numbers (60 is
    middle C, 440 Hz is 69). Names on a synthesizer's panel keep the panel's units.
Patch
    One float64 array, shape ``(parameters,)``: the natural values of every parameter in the
    order of the task's spec, categories as the index of the choice, and last the note: pitch,
    onset, duration (the paper, section 3, footnote 1, counts them as parameters too). Several
    patches are ``(items, parameters)``.
Vector
    What a model sees: a patch encoded in ``[-1, 1]^d``, shape ``(items, d)``.
Time of the flow
    ``x0`` is noise at t = 0, ``x1`` is data at t = 1.
Randomness
    Every random thing takes a ``numpy.random.Generator`` or a seed. There is no global state.
"""

SAMPLE_RATE = 44_100
SECONDS = 4.0
SAMPLES = 176_400
