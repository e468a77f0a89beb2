"""The PostgreSQL half that both drivers share: SQL, migrations, row mapping. Imports neither library."""
