"""Tasks."""

from __future__ import annotations

from asyncio import sleep

from pg_scheduler import task

sent: list[str] = []


async def send(to: str) -> None:
    """Found by ``module:function`` and by its bare name."""
    sent.append(to)


@task(name="mail.digest")
async def digest_of_the_day(to: str) -> None:
    """Found by the name that its decorator gives it."""
    sent.append(f"digest for {to}")


@task(executor="thread")
def print_letter(to: str) -> None:
    """A plain function that says itself where it runs."""
    sent.append(f"letter to {to}")


def not_a_task(to: str) -> None:
    """A plain function that nobody offered for jobs."""
    sent.append("must not happen")


class Mailbox:
    """Not a task either."""


__all__ = ["Mailbox", "digest_of_the_day", "not_a_task", "print_letter", "send", "sleep"]
