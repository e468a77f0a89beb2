"""The limits harness: ``python -m tests.chaos.limits``. Workers of limited entrypoints are killed one per
second; a journal of monotonic times, which the system under test never sees, tells afterwards whether ever
one job too many ran, and how soon the capacity of the dead was back.
"""
