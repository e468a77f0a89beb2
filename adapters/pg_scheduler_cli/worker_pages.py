"""The pages of `pgq run --health-port`: of one worker, and of a parent whose workers are its children."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from pg_scheduler.scheduler import Scheduler
from pg_scheduler_cli.health_server import TEXT, Answer, Page, answer_at, verdict
from pg_scheduler_cli.vital_signs import ANSWER_PATIENCE, VitalSigns

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
        from prometheus_client import REGISTRY, CollectorRegistry, generate_latest

        from pg_scheduler_prometheus import WorkerMetrics
    except ImportError:
        return None
    ours = CollectorRegistry()
    if not any(isinstance(observer, WorkerMetrics) for observer in scheduler.observers):
        scheduler.add_observer(WorkerMetrics(ours))
    return lambda: Answer(200, generate_latest(REGISTRY) + generate_latest(ours), TEXT)


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
        return Answer(200, "".join(_merged(found)).encode(), TEXT)

    return {LIVE: of_all(LIVE), READY: of_all(READY), METRICS: metrics}


def _merged(texts: Mapping[str, str]) -> Iterator[str]:
    """One exposition of several: each sample says of which process it is."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.metrics_core import Metric
    from prometheus_client.parser import text_string_to_metric_families
    from prometheus_client.samples import Sample

    families: dict[str, Metric] = {}
    for place, text in texts.items():
        for family in text_string_to_metric_families(text):
            into = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            into.samples += [
                Sample(one.name, {"process": place, **one.labels}, one.value) for one in family.samples
            ]

    class Collected(CollectorRegistry):
        def collect(self) -> Iterable[Metric]:
            return families.values()

    yield generate_latest(Collected()).decode()
