"""How text is scored: one file for each method, and the registry that finds them by name."""
