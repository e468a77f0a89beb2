"""`python -m pg_scheduler_cli` is `pgq`."""

from pg_scheduler_cli.main import main

main(prog_name="pgq")
