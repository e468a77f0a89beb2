"""A scheduler as a process: its environment and its signals."""
