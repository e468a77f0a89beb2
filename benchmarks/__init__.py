"""Measures, and prints a table: ``python -m benchmarks [part ...]``.

A new part is one module in `parts` and one line in its registry. Every figure stands beside a reference that
was measured in the same run, because a figure alone says more about the machine than about the code.
"""
