"""Priors that need code, one module a task."""
