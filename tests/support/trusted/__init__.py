"""Modules that a worker may be told to look into for its tasks. Importing one leaves a trace."""
