"""The search for the patch nearest to a sound."""
