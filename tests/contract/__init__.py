"""The Driver contract over every driver and every PostgreSQL, and what only real databases can show."""
