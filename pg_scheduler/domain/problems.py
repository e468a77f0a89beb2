"""What is wrong with a cluster: a pure function of facts, so that `pgq doctor`, `pgq health`, metrics and
pages say the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from pg_scheduler.domain.cluster_facts import ClusterFacts
from pg_scheduler.domain.problem import USUAL, About, Problem, Severity, Thresholds
from pg_scheduler.domain.problems_of_jobs import JOB_CHECKS
from pg_scheduler.domain.problems_of_schedules import SCHEDULE_CHECKS
from pg_scheduler.domain.problems_of_server import SERVER_CHECKS
from pg_scheduler.domain.problems_of_workers import WORKER_CHECKS
from pg_scheduler.domain.server_facts import ServerFacts

__all__ = ["USUAL", "About", "Problem", "Severity", "Thresholds", "problems", "worst_first"]

NAMED_OF_A_KIND = 20
"""So many problems of one code are told one by one; of the others, how many there are."""
CLUSTER_CHECKS = (*JOB_CHECKS, *WORKER_CHECKS, *SCHEDULE_CHECKS)
_ORDER = tuple(Severity)


def problems(
    cluster: ClusterFacts | None, server: ServerFacts | None = None, *, limits: Thresholds = USUAL
) -> tuple[Problem, ...]:
    """What is wrong, the worst first; facts that are None are not judged."""
    found: list[Problem] = []
    if cluster is not None:
        found += [one for check in CLUSTER_CHECKS for one in check(cluster, limits)]
    if server is not None:
        found += [one for check in SERVER_CHECKS for one in check(server, limits)]
    return worst_first(_without_floods(found))


def worst_first(found: Iterable[Problem]) -> tuple[Problem, ...]:
    """By severity; else in the order in which they came."""
    return tuple(sorted(found, key=lambda one: _ORDER.index(one.severity)))


def _without_floods(found: Iterable[Problem]) -> Iterator[Problem]:
    seen: Counter[str] = Counter()
    last: dict[str, Problem] = {}
    for one in found:
        seen[one.code] += 1
        last[one.code] = one
        if seen[one.code] <= NAMED_OF_A_KIND:
            yield one
    for code, number in seen.items():
        if (more := number - NAMED_OF_A_KIND) > 0:
            one = last[code]
            yield Problem(code, one.severity, f"{more} more of this kind", one.about, None, one.fix)
