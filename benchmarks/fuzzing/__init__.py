"""Mutated files of every kind that unsynth reads; ``benchmarks/fuzz_inputs.py`` runs them."""
