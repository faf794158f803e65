"""How scores become spans: units, budget, allocation, duplicates, order. Pure functions; no model in here."""
