"""Tests. unsynth comes first: it tells torch how threads wait, before torch is imported."""

import gc
import sys

import unsynth  # noqa: F401
from tests.array_checks import install

# Collecting garbage takes a tenth of the time of imports; ``conftest.py`` turns it on again.
if "pytest" in sys.modules:
    gc.disable()
install()
