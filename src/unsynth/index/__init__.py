"""The index of rendered draws of a task's prior."""
