"""The job of every throughput figure: it does nothing, so that all that is measured is the queue."""

from pg_scheduler import task

LIMITED, AT_ONCE = "limited_no_op", 100_000
"""A limited task, and its limit."""


async def no_op(number: int) -> None:
    """Take an argument, as jobs do, and return."""


@task(name=LIMITED, concurrency_limit=AT_ONCE)
async def limited_no_op(number: int) -> None:
    """The same, in a lane that is never full."""
