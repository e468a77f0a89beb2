"""Retries within an executor: short delays here and now, long ones in the database."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pg_scheduler.domain.errors import AttemptSignal, InvalidInput, RetryAfter, shown
from pg_scheduler.domain.inputs import checked_positive, is_finite_number
from pg_scheduler.entrypoints.job_executors import EntrypointExecutor, EntrypointExecutorParameters
from pg_scheduler.models import Context, Job

IN_PROCESS_BUDGET = 1.0
"""Seconds of delay that an executor sleeps through while it holds the job and its slot; a longer one sends
the job back to the database, where a crash cannot lose it."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """Delays and their number. Delay n = 1, 2, ... is ``min(max_delay, initial_delay * multiplier**(n-1))``.

    The defaults of the executor give 0.1, 0.2, 0.4 and 0.8 seconds between five attempts.
    """

    max_attempts: int
    initial_delay: float
    multiplier: float
    max_delay: float
    max_time: float

    def delay_after(self, attempt: int) -> float | None:
        """Seconds to wait after this failed attempt (1 is the first); None if it was the last: the attempts
        are used up, or the delays until then would add up to more than `max_time`."""
        if attempt >= self.max_attempts:
            return None
        return None if self._waited(attempt + 1) > self.max_time else self._delay(attempt)

    def made_before(self, retry_count: int) -> int:
        """Attempts made before a job came back from the database for the n-th time."""
        attempt, returns, slept = 0, 0, 0.0
        while returns < retry_count and attempt < self.max_attempts:
            attempt += 1
            slept = self.slept_after(attempt, slept)
            if slept == 0.0:
                returns += 1
        return attempt

    def slept_after(self, attempt: int, slept: float) -> float:
        """Seconds slept in the process once the delay after this attempt is over, `slept` of them before;
        0 if that delay is spent in the database."""
        total = slept + self._delay(attempt)
        return total if 0 < total <= IN_PROCESS_BUDGET else 0.0

    def _delay(self, attempt: int) -> float:
        try:
            return min(self.max_delay, self.initial_delay * self.multiplier ** (attempt - 1))
        except OverflowError:
            return self.max_delay

    def _waited(self, attempt: int) -> float:
        return sum(self._delay(earlier) for earlier in range(1, attempt))


class RetryWithBackoffEntrypointExecutor(EntrypointExecutor):
    """Tries a failed job again, with growing delays.

    Args:
        parameters: what the entrypoint is.
        max_attempts: how often at most, the first time included.
        initial_delay: seconds before the second attempt.
        backoff_multiplier: by how much each delay is longer than the one before.
        max_delay: no delay is longer (seconds or timedelta).
        max_time: the delays do not add up to more (seconds or timedelta).
        jitter: what is added to each delay, in seconds: a function that draws it. By default up to a tenth
            of the delay.

    A delay beyond the small budget in the process (`IN_PROCESS_BUDGET`) is written to the job: it is pending
    meanwhile, holds no slot, and counts as retried. Cancellations are never retried.

    Raises:
        InvalidInput: a number is invalid.
    """

    def __init__(
        self,
        parameters: EntrypointExecutorParameters,
        max_attempts: int = 5,
        initial_delay: float = 0.1,
        backoff_multiplier: float = 2.0,
        max_delay: timedelta | float = 10.0,
        max_time: timedelta | float = timedelta(minutes=5),
        jitter: Callable[[], float] | None = None,
    ) -> None:
        super().__init__(parameters)
        self.attempts: Attempts = Attempts(
            checked_positive("max_attempts", max_attempts),
            _seconds("initial_delay", initial_delay),
            _seconds("backoff_multiplier", backoff_multiplier),
            _seconds("max_delay", max_delay),
            _seconds("max_time", max_time),
        )
        self._jitter = jitter

    async def execute(self, job: Job, context: Context) -> Any:
        """Try until it works, or there are no attempts left: then the last error stands."""
        attempt, slept = self.attempts.made_before(job.retry_count) + 1, 0.0
        while True:
            try:
                return await super().execute(job, context)
            except AttemptSignal:
                raise
            except Exception as error:
                delay = self.attempts.delay_after(attempt)
                if delay is None or context.cancellation.cancel_called:
                    raise  # used up, or nobody wants another attempt here
                slept = self.attempts.slept_after(attempt, slept)
                if slept == 0.0:
                    raise RetryAfter(timedelta(seconds=self._jittered(delay))) from error
            await asyncio.sleep(self._jittered(delay))
            attempt += 1

    def _jittered(self, delay: float) -> float:
        extra = self._jitter() if self._jitter is not None else random.uniform(0, delay / 10)
        return max(delay + extra, 0.0)


def _seconds(field: str, value: object) -> float:
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if not is_finite_number(value) or value < 0:  # type: ignore[operator]
        raise InvalidInput(field, f"expected a number >= 0 or a timedelta, got {shown(value)}")
    return float(value)  # type: ignore[arg-type]
