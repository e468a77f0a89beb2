"""Limits that hold across the cluster."""
