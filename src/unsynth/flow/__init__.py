"""Flow matching: path, coupling, guidance and solvers, in the order of the theory."""
