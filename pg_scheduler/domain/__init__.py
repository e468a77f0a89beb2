"""The pure core: what a job is, what may happen to it and what an outcome means.

Nothing here does I/O, reads a clock or draws a random number; times and randomness are arguments.
"""
