"""Staying alive for the jobs that run here, and taking back those of workers that did not."""
