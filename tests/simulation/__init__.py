"""Whole clusters in virtual time: engines over one memory store, with faults drawn from a seed."""
