"""Weights and indices that come with unsynth: data only."""
