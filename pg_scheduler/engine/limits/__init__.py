"""Limits of tasks, for the whole cluster."""
