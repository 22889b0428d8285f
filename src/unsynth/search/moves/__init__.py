"""Moves of the search, one family per module."""
