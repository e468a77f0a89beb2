"""Breaks workers on purpose and counts what was lost: ``python -m tests.chaos``.

Real worker processes run real jobs on a real server while a scenario does its damage. Every attempt writes
its own start and end into a journal file that the system under test never sees; afterwards the judge
compares the journal with the table. A new scenario is one module in `scenarios` and one line in its registry.
"""
