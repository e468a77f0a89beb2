"""What a database holds, as Prometheus metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from pg_scheduler.domain.cluster_facts import ClusterFacts
from pg_scheduler.domain.depths import Depths
from pg_scheduler.domain.problems import USUAL, Problem, problems
from pg_scheduler.domain.replica import Replica
from pg_scheduler.domain.workers import WorkerRecord
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.driver import Driver
from pg_scheduler_prometheus.families import OF_JOBS
from pg_scheduler_prometheus.labels import OTHER, BoundedNames
from pg_scheduler_prometheus.worker_metrics import MOST_NAMES

STATES = ("due", "scheduled", "running")


class DatabaseMetrics:
    """A collector of what a database holds, as it was at the last `refresh`. One process of a cluster is
    enough, as each would say the same: ``pgq metrics`` is one.

    Names of tasks that no living worker knows are `other`, and so are all beyond `most_names`, of queues too:
    what anybody stores must not make series without end.

    Args:
        driver: the store that is asked; it may be a replica.
        primary: the store that takes changes, where `driver` is a replica: it says how the server itself is.
    """

    def __init__(
        self,
        driver: Driver,
        clock: Clock,
        registry: CollectorRegistry | None = None,
        *,
        most_names: int = MOST_NAMES,
        primary: Driver | None = None,
    ) -> None:
        self._driver = driver
        self._primary = primary or driver
        self._clock = clock
        self._queues, self._names = BoundedNames(most_names), BoundedNames(most_names)
        self._metrics: list[Metric] = []
        if registry is not None:
            registry.register(self)

    async def refresh(self) -> None:
        """Ask the database anew: a few cheap statements, however many jobs there are.

        Raises:
            DatabaseError: it does not answer; nothing has changed.
        """
        insight, now = self._driver.insight, self._clock.pinned()
        facts, depths = await insight.cluster_facts(now=now), await insight.depths(now=now)
        found = problems(facts, await self._primary.insight.server_facts())
        replica = await insight.replica()
        known = {
            name for one in facts.workers if one.alive and one.profile for name in one.profile.task_names
        }
        self._metrics = [
            *self._of_jobs(facts, depths, known),
            _workers(facts.workers),
            _schedules_late(facts),
            _problems(found),
            *([] if replica is None else [_replica(replica)]),
        ]

    def forget(self) -> None:
        """Tell nothing until the next refresh: what was true is not any more."""
        self._metrics = []

    def collect(self) -> Iterator[Metric]:
        """What was found, and whether the database answered."""
        yield GaugeMetricFamily(
            "pg_scheduler_database_up", "1 while the database answers.", value=bool(self._metrics)
        )
        yield from self._metrics

    def _of_jobs(self, facts: ClusterFacts, depths: Depths, known: Collection[str]) -> Iterator[Metric]:
        counts: Counter[tuple[str, str, str]] = Counter()
        for one in depths.tasks:
            queue, task = self._labels(one.queue, one.task_name, known)
            for state in STATES:
                counts[queue, task, state] += getattr(one, state)
        jobs = GaugeMetricFamily(
            "pg_scheduler_jobs", "Unfinished jobs, counted to a bound.", labels=(*OF_JOBS, "status")
        )
        for labels, number in counts.items():
            jobs.add_metric(labels, number)
        waits: dict[tuple[str, str], float] = {}
        for due in facts.due:
            of = self._labels(due.queue, due.task_name, known)
            waits[of] = max(waits.get(of, 0.0), (facts.now - due.oldest).total_seconds())
        oldest = GaugeMetricFamily(
            "pg_scheduler_oldest_due_seconds", "For how long the first due job has waited.", labels=OF_JOBS
        )
        for labels_of_task in sorted({key[:2] for key in counts} | set(waits)):
            oldest.add_metric(labels_of_task, waits.get(labels_of_task, 0.0))
        lanes = GaugeMetricFamily("pg_scheduler_lanes_in_use", "Lanes in which jobs run.", labels=("task",))
        used: Counter[str] = Counter()
        for name, number in depths.lanes_in_use.items():
            used[self._task(name, known)] += number
        for name, number in used.items():
            lanes.add_metric((name,), number)
        yield from (jobs, oldest, lanes)

    def _labels(self, queue: str, task: str, known: Collection[str]) -> tuple[str, str]:
        return self._queues.label(queue), self._task(task, known)

    def _task(self, name: str, known: Collection[str]) -> str:
        return self._names.label(name) if name in known else OTHER


def _workers(workers: Sequence[WorkerRecord]) -> Metric:
    counts = Counter(
        "silent" if not one.alive else "unknown" if one.state is None else str(one.state) for one in workers
    )
    metric = GaugeMetricFamily("pg_scheduler_workers", "Workers, by what they do.", labels=("state",))
    for state in ("working", "quiet", "stopping", "silent", *(counts.keys() & {"unknown"})):
        metric.add_metric((state,), counts[state])
    return metric


def _schedules_late(facts: ClusterFacts) -> Metric:
    late = [one for one in facts.late if one.next_window and facts.now - one.next_window >= USUAL.late]
    return GaugeMetricFamily(
        "pg_scheduler_schedules_late", "Schedules with a window that should be a job by now.", value=len(late)
    )


def _problems(found: Sequence[Problem]) -> Metric:
    metric = GaugeMetricFamily(
        "pg_scheduler_problems", "What `pgq doctor` finds, by code.", labels=("code", "severity")
    )
    for (code, severity), number in Counter((one.code, str(one.severity)) for one in found).items():
        metric.add_metric((code, severity), number)
    return metric


def _replica(replica: Replica) -> Metric:
    age = None if replica.age is None else max(replica.age.total_seconds(), 0.0)
    return GaugeMetricFamily(
        "pg_scheduler_replica_last_commit_age_seconds",
        "How old the last commit is that has come to the replica which these figures are from.",
        value=float("nan") if age is None else age,
    )
