"""Task ``dx7``."""
