"""How far an estimate is from its target, and how far a posterior can be trusted."""
