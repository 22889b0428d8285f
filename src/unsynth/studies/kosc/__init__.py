"""The paper's k-osc study and its variants."""
