"""The command ``unsynth``: one module per family of subcommands."""
