"""How a worker follows what a person asks of it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from pg_scheduler.domain.workers import WorkerState, WorkerWish
from pg_scheduler.engine.leases.worker_report import WorkerReport
from pg_scheduler.engine.running.active_attempts import ActiveAttempts
from pg_scheduler.ports.worker_events import WishFollowed

log: logging.Logger = logging.getLogger(__name__)


_WORDS = {
    WorkerWish.WORK: "claim jobs again",
    WorkerWish.QUIET: "claim no more jobs",
    WorkerWish.STOP: "stop",
}


class WishFollower:
    """Claims no more while that is wished, and shuts down once, by `shut_down`, where that is. `on_change` is
    called when it does something else than before, which the next renewal says; `tell` with the wish."""

    def __init__(
        self,
        active: ActiveAttempts,
        report: WorkerReport,
        worker_id: str,
        shut_down: Callable[[], None],
        on_change: Callable[[], None],
        tell: Callable[[WishFollowed], None],
    ) -> None:
        self._active = active
        self._report = report
        self._worker_id = worker_id
        self._shut_down = shut_down
        self._on_change = on_change
        self._tell = tell
        self._wish = WorkerWish.WORK

    def follow(self, wish: WorkerWish) -> None:
        """Do as is wished; a wish that was followed already changes nothing."""
        if wish is self._wish or self._report.state is WorkerState.STOPPING:
            return
        self._wish = wish
        log.warning(
            "worker %s was asked to %s", self._worker_id, _WORDS[wish], extra={"worker_id": self._worker_id}
        )
        quiet = wish is not WorkerWish.WORK
        self._report.state = WorkerState.QUIET if quiet else WorkerState.WORKING
        self._active.set_quiet(quiet)
        self._on_change()
        self._tell(WishFollowed(self._worker_id, wish))
        if wish is WorkerWish.STOP:
            self._shut_down()
