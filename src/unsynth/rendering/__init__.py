"""Rendering of many patches: audio, or a failure, for each."""
