"""The job of every throughput figure: it does nothing, so that all that is measured is the queue."""


async def no_op(number: int) -> None:
    """Take an argument, as jobs do, and return."""
