"""Task files of your own: what a plugin is found to have, and whether a file is any good."""
