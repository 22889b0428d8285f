"""Sound files in and out, and the spectrogram the models see."""
