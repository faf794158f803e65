"""Text by offsets: sentences, words, terms, protected spans. Pure functions, no model."""
