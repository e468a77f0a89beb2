"""What a seed draws: the cluster, its work, and what goes wrong.

Not every seed has every trouble: each draws the kinds that it has, so that rare combinations are not drowned
in the usual noise.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pg_scheduler.domain.conflict import ConflictResolution
from pg_scheduler.domain.limits import TaskLimits
from pg_scheduler.domain.queues import DEFAULT_QUEUE
from pg_scheduler.domain.registration import SILENCE
from pg_scheduler.domain.schedule import CatchUp, Overlap
from pg_scheduler.engine.claiming.likes import ALL_LOOK
from tests.simulation.network import Weather

LIMITS = {"narrow": TaskLimits(concurrency=2), "rated": TaskLimits(rate=0.5)}
"""Tasks with limits, the same in every seed."""
TASKS = ("plain", "narrow", "rated", "new")
"""`new` is known to newer workers only."""
BEFORE, AFTER = "report.v1", "report.v2"
"""One task before and after a release that renames it; nobody knows both names."""
NEW_CODE = (*TASKS, AFTER)
OLD_CODE = ("plain", "narrow", "rated", BEFORE)
"""What the workers of two releases know."""
QUEUES = ("default", "mail", "bulk")
MAX_CRASHES = 3


@dataclass(frozen=True, slots=True)
class Release:
    """How the code of a release calls its one schedule."""

    task: str
    key: str


RELEASES = (
    Release("tock.v1", "tocks"),
    Release("tock.v2", "tocks"),
    Release("tock.v2", "moved.tocks"),
    Release("tock.v2", "respelled.tocks"),
)
"""In their order: the task is renamed under its key; then the key changes, as when a module moves or an
expression is respelled."""
CODE_KEYS = frozenset(release.key for release in RELEASES)


@dataclass(frozen=True, slots=True)
class SlotPlan:
    """A place where workers run, one after the other."""

    capacity: int
    batch_limit: int | None
    """None: as many as the slots get through."""
    listens: bool
    poll: float
    names: tuple[str, ...]
    wrong_by: float
    threaded: bool
    """True: leases are kept in a thread, over a connection of their own."""
    preloaded: bool
    """True: workers there are forked from a process that has made their scheduler, and drawn its identity."""
    queues: Mapping[str, int | None] | None = None
    """Which they serve, with the slots of each; None: all."""


@dataclass(frozen=True, slots=True)
class JobPlan:
    """A job that somebody submits."""

    job_id: str
    task: str
    submit_at: float
    due_in: float
    rank: int
    max_retries: int
    timeout: float | None
    grace: int | None
    limit_key: str | None
    script: tuple[str, ...]
    """What its function does at each start; afterwards it returns."""
    seconds: float
    """How long the function takes."""
    cancel_at: float | None
    replace_at: float | None
    again_at: float | None
    """When somebody submits it once more: a new job, if it is done and deleted by then."""
    queue: str = DEFAULT_QUEUE


@dataclass(frozen=True, slots=True)
class SchedulePlan:
    """A schedule that somebody adds."""

    key: str
    every: float
    catch_up: CatchUp
    overlap: Overlap
    exclusive: bool
    seconds: float
    pause_at: float | None
    pause_for: float
    rename_at: float | None
    """When a release renames its task."""

    @property
    def task(self) -> str:
        """The task that it is added for."""
        return "plain" if self.rename_at is None else BEFORE


@dataclass(frozen=True, slots=True)
class CodePlan:
    """The schedule that all releases have in their code."""

    every: float
    catch_up: CatchUp
    overlap: Overlap
    exclusive: bool
    seconds: float
    first: int
    """The release that is out at the beginning."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong."""

    at: float
    kind: str
    slot: int
    seconds: float
    grace: float


@dataclass(frozen=True, slots=True)
class QueueLimit:
    """A limit that a queue has for a time, from the beginning on where that is 0."""

    queue: str
    limits: TaskLimits
    at: float
    until: float | None
    """None: for ever."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a seed decides beforehand."""

    seed: int
    lease: float
    chaos: float
    """Seconds after which everything works again."""
    slots: tuple[SlotPlan, ...]
    jobs: tuple[JobPlan, ...]
    schedules: tuple[SchedulePlan, ...]
    code: CodePlan | None
    faults: tuple[Fault, ...]
    weather: Weather
    keep_completed: bool
    conflict: ConflictResolution
    all_look: int
    """Among so many likes each looks at once; with fewer than there are, they wait for each other."""
    queue_limits: tuple[QueueLimit, ...] = ()


FAULTS = (
    *("kill", "pause", "cut off", "outage", "deploy", "restart"),
    *("reset", "slow", "deaf", "pause task", "clock", "store clock"),
    *("store set back", "hold", "bad row", "release", "no extra"),
)


def set_back_by(fault: Fault) -> float:
    """By how many seconds the store's clock is set back: often by more than a lane takes for imprecision."""
    return 4 * fault.seconds


def plan_of(seed: int) -> Plan:
    """The plan of a seed: always the same."""
    chance = random.Random(f"plan {seed}")
    lease = chance.choice([6.0, 15.0, 30.0, 60.0])
    chaos = chance.uniform(1.5, 6) * max(lease, 15.0)
    kinds = [kind for kind in FAULTS if chance.random() < 0.4] or [chance.choice(FAULTS)]
    slots = tuple(_slot(chance) for _ in range(chance.randint(1, 3)))
    jobs = tuple(_job(chance, number, chaos) for number in range(chance.randint(3, 25)))
    schedules = tuple(_schedule(chance, number, chaos) for number in range(chance.choice([0, 0, 1, 2])))
    code = _code(chance, chaos) if "release" in kinds else None
    faults = [_fault(chance, kinds, len(slots), lease, chaos) for _ in range(chance.randint(0, 10))]
    if code is not None and code.first == 0:
        faults += _silence_between_releases(seed, len(slots), chaos)
    all_look, more = _fleet(seed)
    slots += more
    slots, jobs, pauses = _queues(seed, slots, jobs, chaos)
    faults += pauses
    return Plan(
        seed=seed,
        lease=lease,
        chaos=chaos,
        slots=slots,
        jobs=jobs,
        schedules=schedules,
        code=code,
        faults=tuple(sorted(faults, key=lambda fault: fault.at)),
        weather=_weather(chance),
        keep_completed=chance.random() < 0.8,
        conflict=ConflictResolution.IGNORE,
        all_look=all_look,
        queue_limits=_queue_limits(seed, jobs, chaos),
    )


def _fleet(seed: int) -> tuple[int, tuple[SlotPlan, ...]]:
    """In half of the seeds workers wait for each other, as those of a large fleet do; in some there are more
    workers than usual."""
    chance = random.Random(f"fleet {seed}")
    if chance.random() < 0.5:
        return ALL_LOOK, ()
    return 0, tuple(_slot(chance) for _ in range(chance.choice([0, 0, 1, 3])))


def _slot(chance: random.Random) -> SlotPlan:
    return SlotPlan(
        capacity=chance.randint(1, 6),
        batch_limit=chance.choice([1, 2, 4, 6, None, None]),
        listens=chance.random() < 0.8,
        poll=chance.choice([5.0, 15.0, 30.0]),
        names=chance.choice([NEW_CODE, NEW_CODE, OLD_CODE]),
        wrong_by=chance.choice([0.0, 0.0, 600.0, -600.0, 86_400.0]),
        threaded=chance.random() < 0.7,
        preloaded=chance.random() < 0.5,
    )


def _job(chance: random.Random, number: int, chaos: float) -> JobPlan:
    script = chance.choices(
        [
            (),
            ("fail",) * chance.randint(1, 3),
            ("hang",),
            ("snooze", "fail", "snooze"),
            ("retry after",),
            ("swallow",),
            ("die",) * chance.randint(1, MAX_CRASHES + 2),
        ],
        [8, 3, 1, 1, 1, 1, 0.4],
    )[0]
    return JobPlan(
        job_id=f"job-{number:02d}",
        task=chance.choices(TASKS, [6, 2, 1, 1])[0],
        submit_at=chance.uniform(0, chaos * 0.8),
        due_in=chance.choice([0.0, 0.0, chance.uniform(-5, chaos * 0.2)]),
        rank=chance.choice([1, 3, 5, 5, 8]),
        max_retries=chance.randint(0, 3),
        timeout=chance.uniform(1, 20) if "hang" in script or chance.random() < 0.2 else None,
        grace=chance.choice([None, None, None, 1, 20]),
        limit_key=chance.choice([None, None, "a", "b"]),
        script=script,
        seconds=chance.choice([0.0, chance.expovariate(1 / 3), chance.uniform(5, 40)]),
        cancel_at=chance.uniform(0, chaos) if chance.random() < 0.1 else None,
        replace_at=chance.uniform(0, chaos) if chance.random() < 0.07 else None,
        again_at=chance.uniform(0, chaos) if chance.random() < 0.2 else None,
    )


def _schedule(chance: random.Random, number: int, chaos: float) -> SchedulePlan:
    every = float(chance.randint(max(3, int(chaos / 25)), max(4, int(chaos / 5))))
    return SchedulePlan(
        key=f"every-{number}",
        every=every,
        catch_up=chance.choice(list(CatchUp)),
        overlap=chance.choice(list(Overlap)),
        exclusive=chance.random() < 0.3,
        seconds=chance.choice([0.0, chance.uniform(0, every * 1.5)]),
        pause_at=chance.uniform(0, chaos) if chance.random() < 0.2 else None,
        pause_for=chance.uniform(1, every * 3),
        rename_at=chance.uniform(0, chaos) if chance.random() < 0.4 else None,
    )


def _code(chance: random.Random, chaos: float) -> CodePlan:
    plan = _schedule(chance, 0, chaos)
    # From the second one on, the first deploy changes the key.
    first = chance.choice([0, 1])
    return CodePlan(plan.every, plan.catch_up, plan.overlap, plan.exclusive, plan.seconds, first)


def _fault(chance: random.Random, kinds: list[str], slots: int, lease: float, chaos: float) -> Fault:
    return Fault(
        at=chance.uniform(0, chaos),
        kind=chance.choice(kinds),
        slot=chance.randrange(slots),
        seconds=lease * chance.choice([0.1, 0.5, 0.9, 1.1, 1.5, 3.0]) * chance.uniform(0.8, 1.2),
        grace=chance.choice([0.0, 2.0, 30.0]),
    )


def _silence_between_releases(seed: int, slots: int, chaos: float) -> list[Fault]:
    """In some seeds the database's clock jumps after the release that renames the task, so far that its
    definition seems to have no code behind it: workers of the release before put theirs back. The release
    that changes the key comes while they live."""
    chance = random.Random(f"silence {seed}")
    if slots < 2 or chance.random() < 0.5:
        return []
    renamed, moved = sorted(chance.uniform(0, chaos) for _ in range(2))
    jumped = chance.uniform(renamed, (renamed + moved) / 2)
    grace = chance.choice([0.0, 2.0])
    return [
        Fault(renamed, "release", 0, 0.0, grace),
        Fault(jumped, "store clock", 0, SILENCE.total_seconds() + chance.uniform(0, 20), 0.0),
        Fault(moved, "release", 0, 0.0, grace),
    ]


def _queues(
    seed: int, slots: tuple[SlotPlan, ...], jobs: tuple[JobPlan, ...], chaos: float
) -> tuple[tuple[SlotPlan, ...], tuple[JobPlan, ...], list[Fault]]:
    """In half of the seeds there are queues: jobs wait in them, some workers serve some of them or give them
    slots, and they are paused."""
    chance = random.Random(f"queues {seed}")
    if chance.random() < 0.5:
        return slots, jobs, []
    pauses = [
        Fault(chance.uniform(0, chaos), "pause queue", 0, chance.uniform(1, chaos / 2), 0.0)
        for _ in range(chance.choice([0, 0, 1, 3]))
    ]
    return (
        tuple(replace(slot, queues=_served(chance, slot.capacity)) for slot in slots),
        tuple(replace(job, queue=chance.choice(QUEUES)) for job in jobs),
        pauses,
    )


def _queue_limits(seed: int, jobs: tuple[JobPlan, ...], chaos: float) -> tuple[QueueLimit, ...]:
    """In half of the seeds with queues, one or two of them have limits for a time."""
    chance = random.Random(f"queue limits {seed}")
    if chance.random() < 0.5 or all(job.queue == DEFAULT_QUEUE for job in jobs):
        return ()
    drawn = []
    for queue in chance.sample(QUEUES, chance.choice([1, 1, 2])):
        limits = chance.choice([TaskLimits(1), TaskLimits(2), TaskLimits(2, 1.0), TaskLimits(None, 0.5)])
        begin = chance.choice([0.0, chance.uniform(0, chaos / 2)])
        end = chance.choice([None, chance.uniform(begin, chaos)])
        drawn.append(QueueLimit(queue, limits, begin, end))
    return tuple(drawn)


def _served(chance: random.Random, capacity: int) -> dict[str, int | None] | None:
    if chance.random() < 0.4:
        return None
    chosen = chance.sample(QUEUES, chance.randint(1, len(QUEUES)))
    slots: list[int | None] = [chance.choice([None, None, 1, 2]) for _ in chosen]
    if sum(number or 0 for number in slots) + (None in slots) > capacity:
        return dict.fromkeys(chosen)
    return dict(zip(chosen, slots, strict=True))


def _weather(chance: random.Random) -> Weather:
    bad = chance.choice([0.0, 0.0, 0.02, 0.1, 0.25])
    return Weather(
        latency=chance.choice([0.001, 0.005, 0.1]),
        lost_before=bad * chance.random(),
        lost_after=bad * chance.random(),
        refused=bad * chance.random(),
        signals_lost=chance.choice([0.0, 0.0, 0.1, 0.9]),
        signals_doubled=chance.choice([0.0, 0.3]),
        signals_late=chance.choice([0.002, 0.2]),
    )


def patience_of(plan: Plan) -> float:
    """Seconds within which all is at rest once nothing goes wrong any more: crashes are noticed by leases,
    and in the worst case one job after the other has to be run."""
    noticing = (MAX_CRASHES + 1) * (1.6 * plan.lease + 20)
    # What is due, and what a lease lasts, is later by as much as the clock was set back.
    set_back = sum(set_back_by(fault) for fault in plan.faults if fault.kind == "store set back")
    work = sum((1 + job.max_retries + len(job.script)) * (job.seconds + 15) for job in plan.jobs)
    of_schedules = sum(3 * schedule.seconds + 30 for schedule in plan.schedules)
    if plan.code is not None:
        of_schedules += 6 * plan.code.every + 3 * plan.code.seconds + 60
    return 60 + noticing + set_back + work + of_schedules
