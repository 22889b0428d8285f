"""Patch files as bytes: read and written without any engine."""
