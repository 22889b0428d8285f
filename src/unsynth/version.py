"""The version of unsynth, stated here only: the package's metadata takes it from this file."""

__version__ = "0.1.0"
