"""Many patches in, audio or a failure for each out."""
