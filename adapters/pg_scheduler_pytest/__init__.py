"""Fixtures for tests of programs that use pg_scheduler; pytest finds them by itself."""
