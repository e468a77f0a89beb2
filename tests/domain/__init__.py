"""The pure core: properties, examples and an exhaustive search."""
