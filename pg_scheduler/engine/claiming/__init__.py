"""Finding due jobs and leasing them."""
