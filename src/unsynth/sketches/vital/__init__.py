"""A sketch of Vital's engine, for the task ``vital-simple``."""
