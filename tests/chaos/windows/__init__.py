"""Schedules under fire: ``python -m tests.chaos.windows``.

Worker processes turn the windows of one schedule into jobs while they are killed and the server crashes.
Afterwards every window that was due must be there once: not missed, not doubled.
"""
