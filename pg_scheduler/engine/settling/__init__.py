"""From an outcome to a stored verdict."""
