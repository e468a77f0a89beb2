"""What the engine needs from the outside world, as Protocols in the domain's words."""
