"""Channels of a sound: mix them down as broadcasters do, without cancelling what is in them.

Surround sound is mixed down to stereo as in ITU-R BS.775-4, "Multichannel stereophonic sound
system with and without accompanying picture", annex 4: centre and surround channels go to the
sides 3 dB softer, and the channel for low-frequency effects is left out. Stereo becomes mono as
its middle, (left + right) / 2. Where left and right are in opposite phase, the middle holds little
of the sound: then it is the side, (left - right) / 2.
"""

import numpy as np
from jaxtyping import Float32

#: The side is taken if its power is more than this many times that of the middle (3 dB).
_SIDE = 2.0
#: A mix whose power is below this share of the loudest channel's has cancelled out (-30 dB).
_CANCELLED = 1e-3
#: Share of a centre or surround channel in each side of the stereo mix.
_SOFTER = 0.5**0.5
#: Left and right share of each kind of channel.
_SHARES = {
    "L": (1.0, 0.0),
    "R": (0.0, 1.0),
    "C": (_SOFTER, _SOFTER),
    "l": (_SOFTER, 0.0),
    "r": (0.0, _SOFTER),
    "S": (0.5, 0.5),
    "_": (0.0, 0.0),
}
#: Channels by their number, in the order of wav and flac files: left, right, centre, "_" for
#: low-frequency effects, left and right surround, and a surround channel in the middle.
_LAYOUTS = {3: "LRC", 4: "LRlr", 5: "LRClr", 6: "LRC_lr", 7: "LRC_Slr", 8: "LRC_lrlr"}
#: The same in the order of Ogg files (Vorbis I specification, section 4.3.9).
_OGG_LAYOUTS = {3: "LCR", 4: "LRlr", 5: "LCRlr", 6: "LCRlr_", 7: "LCRlrS_", 8: "LCRlrlr_"}


def to_channels(
    audio: Float32[np.ndarray, "channels samples"], channels: int, ogg: bool = False
) -> tuple[Float32[np.ndarray, "outputs samples"], str]:
    """Give a sound an engine's channels, one or two; return it with a remark on what was done.

    ``ogg`` says that channels come in the order of Ogg files. The remark is empty if nothing was
    mixed.
    """
    if len(audio) == channels:
        return audio, ""
    if len(audio) == 1:
        return np.repeat(audio, channels, axis=0), ""
    mix, remark = audio, f"mixed down from {len(audio)} channels"
    if len(audio) > 2:
        layout = (_OGG_LAYOUTS if ogg else _LAYOUTS).get(len(audio))
        mix = _stereo(audio, layout)
        if layout is None:
            remark += ", all alike"
        elif "_" in layout:
            remark += " of surround sound, without its channel for low-frequency effects"
        else:
            remark += " of surround sound" if len(audio) > 3 else ""
    if channels == 1:
        if _power(mix[0] - mix[1]) > _SIDE * _power(mix[0] + mix[1]):
            remark = "left and right are mostly in opposite phase: matched left minus right"
        mix = to_mono(mix)[None]
    powers = np.array([_power(channel) for channel in audio])
    if _power(mix) < _CANCELLED * powers.max():
        loudest = int(powers.argmax())
        mix = np.repeat(audio[loudest : loudest + 1], channels, axis=0)
        remark = f"a mix of its channels is almost silent: matched channel {loudest + 1}"
    return mix, remark


def to_mono(audio: Float32[np.ndarray, "channels samples"]) -> Float32[np.ndarray, " samples"]:
    """Mix a mono or stereo sound down: its middle, or its side if most of the power is there."""
    if len(audio) == 2 and _power(audio[0] - audio[1]) > _SIDE * _power(audio[0] + audio[1]):
        return (audio[0] - audio[1]) / 2.0
    return audio.mean(axis=0, dtype=np.float32)


def _stereo(
    audio: Float32[np.ndarray, "channels samples"], layout: str | None
) -> Float32[np.ndarray, "2 samples"]:
    """Mix several channels down to stereo, with shares that cannot exceed full scale."""
    shares = [_SHARES[kind] for kind in layout or "C" * len(audio)]
    weights = np.array(shares, dtype=np.float32).T
    return weights / weights.sum(axis=1, keepdims=True) @ audio


def _power(audio: Float32[np.ndarray, " *shape"]) -> float:
    return float(np.square(audio, dtype=np.float64).mean())
