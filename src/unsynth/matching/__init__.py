"""One match: from a target sound to ranked patches."""
