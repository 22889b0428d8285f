"""The DX7's sketch: envelopes, modulation and compiled kernels."""
