"""Imports from the real rivals, while their own workers drain: ``python -m tests.importing``."""
