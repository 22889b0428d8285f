"""Training: validated experiment files, the objective, and the run with its checkpoints."""
