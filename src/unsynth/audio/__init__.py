"""Sound files, spectrograms, onset and pitch, and the observations that models see."""
