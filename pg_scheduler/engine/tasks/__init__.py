"""Which functions this process knows, and under which names."""
