"""From a sound to candidate patches."""
