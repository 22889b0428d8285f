"""The page: drop a sound, listen, play the patch, take it."""
