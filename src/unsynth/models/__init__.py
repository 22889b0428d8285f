"""Neural networks: encoders of sounds, vector fields of the flow, regressions, and their files."""
