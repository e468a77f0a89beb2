"""Jobs of other queues, taken over."""
