"""What is inverted: a synthesizer, its parameters, the note, and a prior over them."""
