"""The driver's tests on every PostgreSQL that the project supports."""
