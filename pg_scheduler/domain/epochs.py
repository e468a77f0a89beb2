"""Where epochs come from.

Theory of operation. A lease is the pair of a job's id and an epoch, so an epoch must never be used twice for
one id. Within a row it only grows. But a row can be deleted and its id stored anew while an attempt of before
still runs somewhere. So a new row goes on where earlier rows of its id have ended. A store that forgets what
it deletes takes the time instead: PostgreSQL numbers new rows, and claims too, by its clock, so that not even
a replica that missed the latest claims gives the same epoch again (`FIRST_EPOCH` and `FRESH_EPOCH` in
`pg_scheduler_postgres.columns`). Its clock may be behind: then a claim adds a random number to the row's.
"""

from __future__ import annotations


def first_epoch(latest: int | None) -> int:
    """The epoch of a new row, which no attempt has: the next claim raises it. `latest` is the one that the
    last row of its id ended with, if there was one; an attempt of it could complete what is pending."""
    return 0 if latest is None else latest + 1
