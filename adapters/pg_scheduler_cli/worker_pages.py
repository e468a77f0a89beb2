"""The pages of `pgq run --health-port`: of one worker, and of a parent whose workers are its children."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from pg_scheduler.scheduler import Scheduler
from pg_scheduler_cli.health_server import TEXT, Answer, Page, answer_at, verdict
from pg_scheduler_cli.vital_signs import ANSWER_PATIENCE, Vitals, VitalSigns

LIVE, READY, METRICS = "/livez", "/readyz", "/metrics"
CHILD_PATIENCE = ANSWER_PATIENCE + 1
"""Seconds in which a child has to answer."""


def pages_of(signs: VitalSigns, scheduler: Scheduler) -> dict[str, Page]:
    """Of this process' worker."""
    pages: dict[str, Page] = {
        LIVE: lambda: verdict(*signs.live()),
        READY: lambda: verdict(*signs.ready()),
    }
    metrics = _metrics_of(scheduler)
    if metrics is not None:
        pages[METRICS] = metrics
    return pages


def _metrics_of(scheduler: Scheduler) -> Page | None:
    """What the program's own registry holds, and what a worker counts if that is not in it already. None if
    prometheus_client is not installed."""
    try:
        from pg_scheduler_prometheus import WorkerMetrics
        from pg_scheduler_prometheus.exposition import exposition
    except ImportError:
        return None
    if any(isinstance(observer, WorkerMetrics) for observer in scheduler.observers):
        return lambda: Answer(200, exposition(), TEXT)
    counted = WorkerMetrics(None)
    scheduler.add_observer(counted)
    return lambda: Answer(200, exposition(counted), TEXT)


def pages_of_several(signs: Mapping[str, VitalSigns], schedulers: Mapping[str, Scheduler]) -> dict[str, Page]:
    """Of this process' workers, by where they work: what is said of all of them."""

    def of_all(ask: Callable[[VitalSigns], Vitals]) -> Page:
        def answer() -> Answer:
            vitals = {where: ask(one) for where, one in signs.items()}
            each = {where: f"{'ok' if one.good else 'not ok'}: {one.text}" for where, one in vitals.items()}
            return verdict(
                all(one.good for one in vitals.values()), f"{len(vitals)} databases", databases=each
            )

        return answer

    pages = {LIVE: of_all(VitalSigns.live), READY: of_all(VitalSigns.ready)}
    try:
        from pg_scheduler_prometheus import WorkerMetrics
        from pg_scheduler_prometheus.exposition import exposition, merged, of_one
    except ImportError:
        return pages
    counted = {where: WorkerMetrics(None) for where in schedulers}
    for where, scheduler in schedulers.items():
        scheduler.add_observer(counted[where])

    def metrics() -> Answer:
        texts = {where: of_one(one).decode() for where, one in counted.items()}
        return Answer(200, exposition() + merged(texts, label="database"), TEXT)

    return {**pages, METRICS: metrics}


def pages_of_children(sockets: Callable[[], Mapping[str, Path]]) -> dict[str, Page]:
    """Of several processes, by their places: what is said of all of them."""

    def of_all(page: str) -> Page:
        def answer() -> Answer:
            answers = {place: answer_at(path, page, CHILD_PATIENCE) for place, path in sockets().items()}
            good = bool(answers) and all(one.status == 200 for one in answers.values())
            each = {place: one.body.decode().strip() for place, one in answers.items()}
            return verdict(good, f"{len(answers)} processes", processes=each)

        return answer

    def metrics() -> Answer:
        answers = {place: answer_at(path, METRICS, CHILD_PATIENCE) for place, path in sockets().items()}
        found = {place: one.body.decode() for place, one in answers.items() if one.status == 200}
        if not found:
            return verdict(False, "no process has metrics: is prometheus_client installed?")
        from pg_scheduler_prometheus.exposition import merged

        return Answer(200, merged(found), TEXT)

    return {LIVE: of_all(LIVE), READY: of_all(READY), METRICS: metrics}
