"""Sketches: fast differentiable approximations of engines."""
