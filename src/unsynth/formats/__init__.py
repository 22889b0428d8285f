"""Patch files as bytes, read and written without an engine."""
