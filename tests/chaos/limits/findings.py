"""Judges a journal: was ever one job too many under way, and how long was capacity missing?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pg_scheduler.client.source import Library
from pg_scheduler.domain.limits import burst_of
from tests.chaos.limits.journal import Run
from tests.chaos.limits.worker import CONCURRENCY, FEW, KEYED, PACED, RATE

STARTS_BOUND = RATE + burst_of(RATE)
"""Jobs that the database may give away in any one second."""
DELAY = 0.1
"""Seconds by which a busy machine may start one job later than another after both were given away: so much
closer together than allowed can starts be that were given away as allowed."""
SMALL = 1.0
"""Seconds that a machine with more to do than it can may take beyond a lease: it is busy starting the
successor of the killed worker just then."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What one run of the harness came to."""

    library: Library
    seed: int
    jobs: int
    kills: int
    seconds: float
    """From the first start to the last end."""
    unfinished: int
    """Jobs that are not completed in the end."""
    again: int
    """Attempts that a kill ended, and whose jobs were run again."""
    few_at_once: int
    keyed_at_once: int
    """Of one key."""
    paced_in_a_second: int
    granted_in_a_second: int
    """As before, by the times that the database wrote down when it gave the jobs away."""
    back_after: float
    """Seconds from a kill until what it had held of a limit was in use again, at most."""
    lease: float
    deserted: int
    """Workers that ended without being told to."""

    @property
    def problems(self) -> tuple[str, ...]:
        """What must not be; empty if all is well."""
        slow = f"capacity was missing for {self.back_after:.2f} s"
        return self.broken + self.spared + ((slow,) if self.back_after > self.lease + SMALL else ())

    @property
    def spared(self) -> tuple[str, ...]:
        """Why nothing is proved, if so: in a short run chance may spare every limited job."""
        checks = {
            "the limit was never reached: nothing is proved": self.few_at_once >= CONCURRENCY,
            "no kill met a limited job: nothing is proved": self.again > 0,
        }
        return tuple(text for text, holds in checks.items() if not holds)

    @property
    def broken(self) -> tuple[str, ...]:
        """What must not be however busy the machine is."""
        checks = {
            f"{self.unfinished} jobs are not completed": self.unfinished == 0,
            f"{self.few_at_once} ran at once, {CONCURRENCY} may": self.few_at_once <= CONCURRENCY,
            f"{self.keyed_at_once} of one key ran at once": self.keyed_at_once <= 1,
            f"{self.granted_in_a_second} were given away in a second": self.granted_in_a_second
            <= STARTS_BOUND,
            f"{self.paced_in_a_second} started in a second": self.paced_in_a_second
            <= STARTS_BOUND + RATE * DELAY,
            f"{self.deserted} workers ended by themselves": self.deserted == 0,
        }
        return tuple(text for text, holds in checks.items() if not holds)

    def line(self) -> str:
        """For people."""
        return (
            f"{self.library:8} seed {self.seed}: {self.jobs} jobs in {self.seconds:.1f} s,"
            f" {self.kills} kills, {self.again} attempts lost; at once: {self.few_at_once} of {CONCURRENCY},"
            f" {self.keyed_at_once} of a key; in a second: {self.paced_in_a_second} started,"
            f" {self.granted_in_a_second} given away, of {STARTS_BOUND:.0f}; capacity back after"
            f" {self.back_after:.2f} s of {self.lease:.0f} + {SMALL:.0f}: {'; '.join(self.problems) or 'ok'}"
        )


def most_at_once(runs: Iterable[Run], killed: Mapping[int, float]) -> int:
    """The largest number of attempts under way at one moment. An attempt without an end lasts until its
    process was dead."""
    changes = []
    for run in runs:
        end = run.end if run.end is not None else killed.get(run.pid, float("inf"))
        # At one and the same instant an end comes before a start.
        changes += [(run.start, 1), (end, -1)]
    most = now = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most


def most_of_one_key(runs: Iterable[Run], killed: Mapping[int, float]) -> int:
    """The largest number at one moment within any key."""
    by_key: dict[str, list[Run]] = {}
    for run in runs:
        by_key.setdefault(run.key, []).append(run)
    return max((most_at_once(some, killed) for some in by_key.values()), default=0)


def most_in_a_second(times: Iterable[float]) -> int:
    """The largest number of instants in any half-open second."""
    ordered = sorted(times)
    most = first = 0
    for position, at in enumerate(ordered):
        while ordered[first] <= at - 1:
            first += 1
        most = max(most, position - first + 1)
    return most


def recoveries(
    runs: Sequence[Run],
    killed: Mapping[int, float],
    grants: Mapping[str, Sequence[float]] | None = None,
) -> list[float]:
    """For each killed attempt the seconds from the kill until its place was taken. Its job is the oldest of
    its lane then, so the place is taken as soon as it is free, by the same job: by a start of it, or by a
    grant whose worker was killed in turn before the job began. `grants` are times by job."""
    grants = grants or {}
    found = []
    for run in runs:
        if run.end is None and run.pid in killed and run.name in (FEW, KEYED):
            starts = [later.start for later in runs if later.job_id == run.job_id]
            taken = [at for at in (*starts, *grants.get(run.job_id, ())) if at > run.start]
            found.append(min(taken, default=float("inf")) - killed[run.pid])
    return found


def named(runs: Iterable[Run], name: str) -> list[Run]:
    """Those of one entrypoint."""
    return [run for run in runs if run.name == name]


def judged(
    runs: Sequence[Run],
    killed: Mapping[int, float],
    granted: Iterable[float],
    grants: Mapping[str, Sequence[float]] | None = None,
    **known: object,
) -> Findings:
    """The findings on a run that is over. `granted` is when the paced jobs were given away, `grants` when
    each job was; `known` is what others have counted."""
    back = recoveries(runs, killed, grants)
    return Findings(
        again=sum(run.end is None for run in runs),
        seconds=max(run.end or run.start for run in runs) - runs[0].start if runs else 0.0,
        few_at_once=most_at_once(named(runs, FEW), killed),
        keyed_at_once=most_of_one_key(named(runs, KEYED), killed),
        paced_in_a_second=most_in_a_second(run.start for run in named(runs, PACED)),
        granted_in_a_second=most_in_a_second(granted),
        back_after=max(back, default=0.0),
        kills=len(killed),
        **known,  # type: ignore[arg-type]
    )
