"""The JSON codec: what it carries, what it refuses, and what PostgreSQL makes of it."""
