"""When a failed job runs again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta

from pg_scheduler.domain.errors import InvalidInput, shown
from pg_scheduler.domain.inputs import is_finite_number

MAX_DELAY = timedelta(days=36_525)
"""A century: longer than any delay that is meant, and far from where dates and intervals end."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential delay before retry n = 1, 2, ...: ``min(cap, base * factor ** (n - 1))``.

    The defaults give 60, 120, 240, 300, 300, ... seconds. With `jitter` j the delay is drawn evenly
    from the range ``delay * (1 - j) .. delay``: spread without ever exceeding the cap.
    """

    base: timedelta = timedelta(seconds=60)
    """Delay before the first retry."""
    factor: float = 2.0
    """Growth per retry; 1.0 makes every delay equal."""
    cap: timedelta = timedelta(seconds=300)
    """No delay is longer."""
    jitter: float = 0.0
    """Share of the delay that is random, from 0 to 1."""

    def __post_init__(self) -> None:
        for name in ("base", "cap"):
            value = getattr(self, name)
            if not isinstance(value, timedelta) or not timedelta(0) <= value <= MAX_DELAY:
                raise InvalidInput(
                    f"retry.{name}", f"expected a timedelta from 0 to a century, got {shown(value)}"
                )
        if not is_finite_number(self.factor) or self.factor < 1:
            raise InvalidInput("retry.factor", f"expected a finite number >= 1, got {shown(self.factor)}")
        if not is_finite_number(self.jitter) or not 0 <= self.jitter <= 1:
            raise InvalidInput("retry.jitter", f"expected a number from 0 to 1, got {shown(self.jitter)}")

    def delay(self, retry: int, randomness: float = 0.0) -> timedelta:
        """Delay before retry number `retry` (1 is the first). `randomness` is in [0, 1)."""
        base, cap = self.base.total_seconds(), self.cap.total_seconds()
        try:
            seconds = min(cap, base * float(self.factor) ** (retry - 1))
        except OverflowError:
            seconds = cap if base else 0.0
        return timedelta(seconds=seconds * (1 - self.jitter * randomness))


@dataclass(frozen=True, slots=True)
class RetryPolicy(Backoff):
    """A backoff, and which exceptions are retried. The job's `max_retries` says how often."""

    retry_on: tuple[type[BaseException], ...] = (Exception,)
    """Only these (and their subclasses) are retried."""
    give_up_on: tuple[type[BaseException], ...] = ()
    """These are not, even if `retry_on` covers them."""

    def __post_init__(self) -> None:
        Backoff.__post_init__(self)
        for name in ("retry_on", "give_up_on"):
            classes = getattr(self, name)
            if not isinstance(classes, tuple) or not all(
                isinstance(cls, type) and issubclass(cls, BaseException) for cls in classes
            ):
                raise InvalidInput(
                    f"retry.{name}", f"expected a tuple of exception classes, got {shown(classes)}"
                )

    @property
    def filters(self) -> bool:
        """True where exception classes narrow the policy: such a policy cannot be stored with a job."""
        return self.retry_on != (Exception,) or bool(self.give_up_on)

    def wants_retry(self, error: BaseException) -> bool:
        """True if an attempt that ended with `error` deserves another."""
        return isinstance(error, self.retry_on) and not isinstance(error, self.give_up_on)


def backoff_text(backoff: Backoff | None) -> str | None:
    """A backoff as JSON text, durations in seconds; None stays None."""
    if backoff is None:
        return None
    return json.dumps(
        {
            "base": backoff.base.total_seconds(),
            "factor": backoff.factor,
            "cap": backoff.cap.total_seconds(),
            "jitter": backoff.jitter,
        }
    )


def backoff_from_text(text: str | None) -> Backoff | None:
    """The inverse of `backoff_text`."""
    if text is None:
        return None
    stored = json.loads(text)
    return Backoff(
        base=timedelta(seconds=stored["base"]),
        factor=stored["factor"],
        cap=timedelta(seconds=stored["cap"]),
        jitter=stored["jitter"],
    )
