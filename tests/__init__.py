"""Tests. unsynth comes first: it tells torch how threads wait, before torch is imported."""

import unsynth  # noqa: F401
from tests.array_checks import install

install()
