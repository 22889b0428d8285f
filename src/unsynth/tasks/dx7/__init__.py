"""Task ``dx7``: one note of a Yamaha DX7 voice."""
