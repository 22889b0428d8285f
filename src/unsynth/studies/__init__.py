"""Studies, each a command of ``unsynth reproduce`` that makes a figure or table from scratch."""
