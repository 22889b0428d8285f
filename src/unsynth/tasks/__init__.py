"""Tasks: a synthesizer, the parameters of its patches, a note, and a prior over them."""
