"""Watches every effect on the store, and knows what each may do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from pg_scheduler.domain.states import JobStatus
from pg_scheduler.testing import MemoryDriver
from tests.simulation.holds import Holds
from tests.simulation.laws import LAWS, Step
from tests.simulation.ledger import Ledger, Rows
from tests.simulation.network import Network
from tests.simulation.trace import Trace
from tests.simulation.virtual_loop import Host

_P, _R = JobStatus.PENDING, JobStatus.RUNNING
_C, _F, _X, _E = JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED

MAY: dict[str, set[tuple[JobStatus | None, JobStatus | None]]] = {
    "submit": {(None, _P), *((done, _P) for done in (_C, _F, _X, _E))},
    "claim": {(_P, _R), (_P, _E)},
    "claim_lanes": {(_P, _R), (_P, _E)},
    "settle": {(_R, _P), (_R, _C), (_R, _F), (_R, _X), (_P, _C), (_R, None), (_P, None)},
    "reclaim_expired": {(_R, _P), (_R, _F), (_R, _X)},
    "request_cancel": {(_P, _X)},
    "set_paused": {(_P, _X)},
    "advance_schedules": {(None, _P)},
    "prune": {(done, None) for done in (_C, _F, _X, _E)},
}
"""Which verb may take a job from which state to which; None: not stored. No other verb moves any job."""


TOO_OFTEN = 100
"""So many statements of a kind in a second, and one more for each that moved a job, whoever sent it: their
sender does nothing else but ask. (What moves is signalled, and every signal is a reason to ask: a schedule
that catches up a hundred windows in a second, one after the other, gives hundreds.)"""


class Judge:
    """Carries effects out, one by one, and collects what broke a law."""

    def __init__(
        self,
        store: MemoryDriver,
        network: Network,
        holds: Holds,
        ledger: Ledger,
        trace: Trace,
        max_crashes: int,
    ) -> None:
        self._store = store
        self._network = network
        self._holds = holds
        self._trace = trace
        self._max_crashes = max_crashes
        self._rows: Rows = {}
        self.ledger = ledger
        self.violations: list[str] = []
        self.effects = 0
        self._haste: Counter[tuple[str, str, int]] = Counter()
        """How often each host has sent each verb for nothing in each second."""
        self._moving: Counter[int] = Counter()
        """How many statements have moved a job in each second."""

    def watch(
        self,
        host: Host,
        verb: str,
        args: tuple[Any, ...],
        options: dict[str, Any],
        act: Callable[[], Any],
    ) -> Any:
        """Act, and look at what that did."""
        self.effects += 1
        before = self._rows
        try:
            answer = act()
        except Exception as error:
            self._trace.note(host.name, f"{verb} refused: {type(error).__name__}")
            raise
        rows = self._store.state.jobs
        after = self._rows = {job_id: (row.status, row.epoch) for job_id, row in rows.items()}
        step = Step(
            host,
            verb,
            args,
            options,
            answer,
            before,
            after,
            rows,
            self._network,
            self._holds,
            frozenset(name for name, limit in self._store.state.limits.items() if limit.paused),
            frozenset(self._store.state.paused_queues),
            self._store.state.queue_limits,
            self.ledger,
            self._max_crashes,
        )
        self._trace.effect(step)
        self._look_for_haste(step)
        self._check_moves(step)
        law = LAWS.get(verb)
        for broken in law(step) if law is not None else ():
            self.violate(f"{verb} by {host.name}: {broken}")
        self._note_new_versions(step)
        return answer

    def _look_for_haste(self, step: Step) -> None:
        second = int(self._network.loop.time())
        now = (step.host.name, step.verb, second)
        if any(step.moves()):
            self._moving[second] += 1
            return
        self._haste[now] += 1
        if self._haste[now] == TOO_OFTEN + self._moving[second] and step.host.name.startswith("w"):
            self._haste[now] += 1
            self.violate(f"{step.host.name} sends {step.verb} {TOO_OFTEN} times a second for nothing")

    def violate(self, what: str) -> None:
        """A law was broken."""
        self.violations.append(what)
        self._trace.note("LAW BROKEN", what)

    def _check_moves(self, step: Step) -> None:
        may = MAY.get(step.verb, set())
        for job_id, was, now in step.moves():
            if (was, now) not in may:
                self.violate(f"{step.verb} by {step.host.name} took {job_id} from {was} to {now}")

    def _note_new_versions(self, step: Step) -> None:
        """An epoch that grows without a claim is a new version of the job."""
        claims = ("claim", "claim_lanes")
        if step.verb in claims:
            return
        for job_id, (_, epoch) in step.after.items():
            if job_id in step.before and epoch > step.before[job_id][1]:
                if step.verb not in ("submit", "settle", "reclaim_expired"):
                    self.violate(f"{step.verb} raised the epoch of {job_id}")
                self.ledger.begin_anew(job_id)
