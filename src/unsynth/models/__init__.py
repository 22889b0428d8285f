"""Neural networks: from sound to conditioning, and the vector field of the flow."""
