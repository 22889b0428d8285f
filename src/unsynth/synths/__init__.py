"""Synthesizers: sound from one patch and one note."""
