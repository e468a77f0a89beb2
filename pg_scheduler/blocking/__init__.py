"""For programs without an event loop: both styles in blocking calls."""
