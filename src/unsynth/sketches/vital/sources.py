"""What sounds in windows of notes of Vital: oscillators, noise, filters, and an envelope."""

from typing import NamedTuple

import torch
from jaxtyping import Float32, Float64, Int

#: Columns of :attr:`Sources.oscillators`: amplitude, frame of the wavetable, harmonics that the
#: low-pass morph lets through, amplitudes of the centre voice and of the two detuned ones together,
#: bend.
LEVEL, FRAME, LIMIT, CENTRE, DETUNED, BEND = range(6)
#: Columns of :attr:`Sources.phases`: cycles of the centre voice and of the detuned voices above and
#: below at the first sample; cycles per sample of the centre voice; the ratio to it of the voice
#: above; the number of harmonics below half the sample rate, 0 Hz among them.
START, START_ABOVE, START_BELOW, INCREMENT, RATIO, AUDIBLE = range(6)
#: Columns of :attr:`Sources.filters`; :mod:`unsynth.sketches.vital.kernel_filters` has the formula.
GAIN, STEP, INTAKE, FEEDBACK, NORM, FROM_U, FROM_A, FROM_B = range(8)


class Sources(NamedTuple):
    """What sounds in windows of notes. A window begins with a lead-in, which is cut off."""

    oscillators: Float32[torch.Tensor, "items oscillators windows 6"]
    filters: Float32[torch.Tensor, "items filters windows 8"]
    #: The amplitude envelope at knots, which are spread over lead-in and window; it is linear
    #: between them.
    knots: Float32[torch.Tensor, "items windows knots"]
    #: The level of the noise.
    noise: Float32[torch.Tensor, " items"]
    #: The share of the sound that goes around the filters.
    dry: Float32[torch.Tensor, " items"]
    #: Of the oscillators, without slopes.
    phases: Float64[torch.Tensor, "items oscillators windows 6"]
    #: The first sample of a window's lead-in, counted from the onset; without slopes.
    first: Int[torch.Tensor, "items windows"]
