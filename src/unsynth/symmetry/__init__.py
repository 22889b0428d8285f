"""Measure which exchanges of parameters leave a synthesizer's sound as it is."""
