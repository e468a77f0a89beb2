"""Windows of schedules become jobs."""
