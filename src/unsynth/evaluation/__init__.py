"""Evaluation: targets, estimates and their scores, and tables that hold them side by side."""
