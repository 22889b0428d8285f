"""The weights and indices that unsynth ships: data only, no code."""
