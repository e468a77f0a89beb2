"""The entrypoint style: applications, the policies of entrypoints, what runs their jobs and schedules."""
