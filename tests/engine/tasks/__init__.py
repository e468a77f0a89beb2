"""Who a function is."""
