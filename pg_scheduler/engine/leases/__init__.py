"""Renewing the leases of the jobs that run here, and reclaiming jobs whose worker was lost."""
