"""Tasks that a YAML file declares."""
