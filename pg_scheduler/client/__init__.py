"""What stores, cancels, waits for and reads jobs and schedules: one client under every style."""
