"""Failovers that Patroni decides: ``python -m tests.chaos.patroni``."""
