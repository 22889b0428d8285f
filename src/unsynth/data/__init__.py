"""Patches and sounds: random streams, draws of the prior, datasets and training batches."""
