"""What a scrape gets, as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

__all__ = ["CONTENT_TYPE_LATEST", "exposition", "merged", "of_one"]


class Collector(Protocol):
    """What makes metrics at each scrape."""

    def collect(self) -> Iterable[Metric]:
        """The metrics."""
        ...


def exposition(*besides: Collector) -> bytes:
    """What the usual registry holds, and what these collect."""
    return generate_latest(REGISTRY) + b"".join(map(of_one, besides))


def of_one(collector: Collector) -> bytes:
    """What a single collector collects."""
    registry = CollectorRegistry()
    registry.register(collector)
    return generate_latest(registry)


def merged(texts: Mapping[str, str], label: str = "process") -> bytes:
    """One exposition of those of several processes, by their places: each sample says in this label of which
    it is."""
    families: dict[str, Metric] = {}
    for place, text in texts.items():
        for family in text_string_to_metric_families(text):
            into = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            into.samples += [
                Sample(one.name, {label: place, **one.labels}, one.value) for one in family.samples
            ]
    return of_one(_Given(families.values()))


class _Given:
    """A collector of metrics that are there already."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        """They."""
        return self._metrics
