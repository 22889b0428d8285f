"""Studies of the paper, each a command that makes its figure anew."""
