"""What the worker does."""

from pg_scheduler import task


@task(max_retries=3)
async def welcome(address: str) -> str:
    return f"Welcome, {address}"
