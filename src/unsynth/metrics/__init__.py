"""How far an estimate is from its target."""
