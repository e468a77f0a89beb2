"""Functions decorated with @periodic that share a name, a key or a place: which stay, and which run."""

from __future__ import annotations

import importlib
import logging
import shutil
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from pg_scheduler import (
    InvalidInput,
    PeriodicJobConfig,
    Scheduler,
    TaskNameConflict,
    current_job,
    periodic,
    task,
)
from pg_scheduler.engine.tasks.registry import TaskOptions
from pg_scheduler.testing import LeftBehind, ManualClock, MemoryDriver, drain, live_through
from tests.engine.schedules.conftest import MakeScheduler
from tests.support.running import eventually

pytestmark = pytest.mark.slow_with("psycopg")

MINUTE = timedelta(minutes=1)
Decorate = Callable[[str], object]

runs: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    runs.clear()


def known() -> dict[str, PeriodicJobConfig]:
    return Scheduler(MemoryDriver()).get_periodic_jobs()


def by_zone(zone: str) -> None:
    @periodic(cron="* * * * *", timezone=zone)
    async def report() -> None:
        runs.append(zone)


def by_key(key: str) -> None:
    @periodic(every=MINUTE, dedup_key=key)
    async def report() -> None:
        runs.append(key)


def by_name(name: str) -> None:
    @periodic(every=MINUTE, job_name=name)
    async def report() -> None:
        runs.append(name)


def by_key_under_one_name(key: str) -> None:
    @periodic(every=MINUTE, job_name="reports", dedup_key=key)
    async def report() -> None:
        runs.append(key)


def by_default_value(key: str) -> None:
    @periodic(every=MINUTE, dedup_key=key)
    async def report(key: str = key) -> None:
        runs.append(key)


def by_wrapper(key: str) -> None:
    """As a decorator without functools.wraps makes them: all have the wrapper's name."""

    async def inner() -> None:
        runs.append(key)

    async def wrapper(*args: Any) -> None:
        await inner(*args)

    periodic(every=MINUTE, job_name=key, dedup_key=key)(wrapper)


def by_name_of_one_function(name: str) -> None:
    periodic(every=MINUTE, job_name=name)(the_only_one)


async def the_only_one() -> None:
    runs.append(current_job().task_name)


FACTORIES: Sequence[Decorate] = (
    by_zone,
    by_key,
    by_name,
    by_name_of_one_function,
    by_key_under_one_name,
    by_default_value,
    by_wrapper,
)
MADE = ("Europe/Paris", "Asia/Tokyo", "America/Lima")


@pytest.mark.parametrize("decorate", FACTORIES)
async def test_each_function_of_a_loop_runs_once_per_window(
    scheduler_at: MakeScheduler, clock: ManualClock, decorate: Decorate
) -> None:
    for one in MADE:
        decorate(one)
    scheduler = scheduler_at(clock)
    await live_through(scheduler, clock, 2 * MINUTE)
    assert sorted(runs) == sorted(2 * MADE)


@pytest.mark.parametrize("decorate", FACTORIES)
def test_their_keys_do_not_depend_on_the_order(decorate: Decorate, decorated: dict[str, object]) -> None:
    keys = []
    for made in (MADE, MADE[::-1]):
        decorated.clear()
        for one in made:
            decorate(one)
        keys.append({key: (config.job_name, str(config.timezone)) for key, config in known().items()})
    assert keys[0] == keys[1]
    assert len(keys[0]) == 3


def test_a_function_alone_keeps_the_documented_key(decorated: dict[str, object]) -> None:
    """Also where it has a name of its own: what an earlier program stored is found by it."""
    by_name("alone")
    (alone,) = known()
    decorated.clear()
    periodic(every=MINUTE)(by_name_alone())
    assert list(known()) == [alone]


def by_name_alone() -> Callable[[], Awaitable[None]]:
    async def report() -> None: ...

    return report


def test_of_two_with_one_name_and_key_the_later_runs_and_it_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def made(text: str) -> Callable[[], Awaitable[None]]:
        async def report() -> None:
            runs.append(text)

        return report

    with caplog.at_level(logging.WARNING, "pg_scheduler.client.periodic_registry"):
        for text in ("a", "a"):
            periodic(every=MINUTE)(made(text))
        assert not caplog.records
        last = periodic(every=MINUTE)(made("b"))
    assert [config.func for config in known().values()] == [last]
    (warning,) = caplog.messages
    assert "report" in warning
    assert "takes its place" in warning


def test_the_values_that_a_loop_at_the_top_of_a_module_gives_as_defaults_tell_functions_apart(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for text in ("a", "a", "b"):
        caplog.clear()
        periodic(every=MINUTE, dedup_key="key")(_of_the_top_level(text))
        assert len(caplog.records) == (text == "b")


def _of_the_top_level(value: str) -> Any:
    """One ``def`` of a module, executed again, as a loop at its top does."""
    made = FunctionType(nothing_but_a_default.__code__, globals(), argdefs=(value,))
    made.__module__ = __name__
    return made


async def nothing_but_a_default(text: str = "") -> None:
    runs.append(text)


def test_a_chosen_key_or_name_of_another_function_is_refused() -> None:
    async def one() -> None: ...
    async def other() -> None: ...

    periodic(every=MINUTE, job_name="name", dedup_key="key")(one)
    with pytest.raises(TaskNameConflict, match="job_name"):
        periodic(every=MINUTE, job_name="name")(other)
    with pytest.raises(InvalidInput, match="dedup_key"):
        periodic(every=MINUTE, dedup_key="key")(other)
    assert [config.func for config in known().values()] == [one]


def test_a_chosen_name_is_no_other_functions_usual_name() -> None:
    async def one() -> None: ...
    async def other() -> None: ...

    periodic(every=MINUTE, job_name="periodic_other")(one)
    with pytest.raises(TaskNameConflict, match="job_name"):
        periodic(every=MINUTE)(other)
    assert [config.func for config in known().values()] == [one]


# --- one name in two modules


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Imports modules of this name, each with its own `nightly`."""
    monkeypatch.syspath_prepend(tmp_path)
    names = ("side_by_side_a", "side_by_side_b")
    for name in names:
        (tmp_path / f"{name}.py").write_text(
            "from datetime import timedelta\n"
            "from pg_scheduler import periodic\n"
            "from tests.engine.schedules.test_decorated_side_by_side import runs\n\n"
            "@periodic(every=timedelta(minutes=1))\n"
            "async def nightly():\n"
            f"    runs.append({name[-1]!r})\n"
        )

    def load(which: str) -> None:
        for one in which:
            sys.modules.pop(f"side_by_side_{one}", None)
            __import__(f"side_by_side_{one}")

    yield load
    for name in names:
        sys.modules.pop(name, None)


@pytest.mark.parametrize("order", ["ab", "ba"])
async def test_functions_of_one_name_in_two_modules_both_run(
    scheduler_at: MakeScheduler, clock: ManualClock, modules: Callable[[str], None], order: str
) -> None:
    modules(order)
    await live_through(scheduler_at(clock), clock, 2 * MINUTE)
    assert sorted(runs) == ["a", "a", "b", "b"]
    assert {config.job_name for config in known().values()} == {"periodic_nightly"}


async def test_processes_that_imported_them_in_another_order_mean_the_same(
    scheduler_at: MakeScheduler,
    clock: ManualClock,
    modules: Callable[[str], None],
    decorated: dict[str, object],
) -> None:
    names = []
    for order in ("ab", "ba"):
        decorated.clear()
        modules(order)
        scheduler = scheduler_at(clock)
        scheduler.schedules.adopt_decorated()
        names.append({new.key: new.task_name for new in scheduler.schedules.wanted()})
    assert names[0] == names[1]
    assert len(set(names[0].values())) == 2


TWICE = {
    "of two classes": """
class North:
    @staticmethod
    @periodic(every=timedelta(minutes=1))
    async def nightly():
        runs.append("a")

class South:
    @staticmethod
    @periodic(every=timedelta(minutes=1))
    async def nightly():
        runs.append("b")
""",
    "one after the other": """
@periodic(every=timedelta(minutes=1))
async def nightly():
    runs.append("a")

@periodic(every=timedelta(minutes=1))
async def nightly():
    runs.append("b")
""",
    "in functions": """
def decorate(which):
    if which:
        @periodic(every=timedelta(minutes=1))
        async def nightly():
            runs.append("a")
    else:
        @periodic(every=timedelta(minutes=1))
        async def nightly():
            runs.append("b")

for which in ORDER:
    decorate(which)
""",
}


@pytest.fixture
def twice(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], None]]:
    """Imports a module with two functions of one name; "in functions" decorates them in this order."""
    monkeypatch.syspath_prepend(tmp_path)
    name = "side_by_side_twice"

    def load(order: str) -> None:
        sys.modules.pop(name, None)
        importlib.invalidate_caches()
        (tmp_path / f"{name}.py").write_text(
            "from datetime import timedelta\n"
            "from pg_scheduler import periodic\n"
            "from tests.engine.schedules.test_decorated_side_by_side import runs\n"
            f"ORDER = {[one == 'a' for one in order]}\n{TWICE[request.param]}"
        )
        shutil.rmtree(tmp_path / "__pycache__", ignore_errors=True)
        __import__(name)

    yield load
    sys.modules.pop(name, None)


@pytest.mark.parametrize("twice", TWICE, indirect=True)
async def test_functions_of_one_name_in_one_module_both_run(
    scheduler_at: MakeScheduler, clock: ManualClock, twice: Callable[[str], None]
) -> None:
    twice("ab")
    await live_through(scheduler_at(clock), clock, 2 * MINUTE)
    assert sorted(runs) == ["a", "a", "b", "b"]
    assert {config.job_name for config in known().values()} == {"periodic_nightly"}


@pytest.mark.parametrize("twice", TWICE, indirect=True)
def test_every_process_that_imports_the_module_gives_them_the_same_keys(
    twice: Callable[[str], None], decorated: dict[str, object]
) -> None:
    keys = []
    for order in ("ab", "ba"):
        decorated.clear()
        twice(order)
        keys.append({key: config.definition.line for key, config in known().items()})
    assert keys[0] == keys[1]
    assert len(keys[0]) == 2


async def test_a_run_that_was_staged_before_the_second_was_known_finds_its_function(
    scheduler_at: MakeScheduler,
    clock: ManualClock,
    modules: Callable[[str], None],
    decorated: dict[str, object],
) -> None:
    modules("a")
    alone = scheduler_at(clock)
    await alone.initialize_db()
    await alone.register_schedules()
    await alone.worker.services.stager.stage_once()
    await clock.advance(MINUTE)
    await alone.worker.services.stager.stage_once()
    decorated.clear()
    modules("ba")
    ran = await drain(scheduler_at(clock))
    assert all(one.completed for one in ran)
    assert runs[0] == "a"


async def test_a_job_of_a_shared_name_that_is_nobodys_fails_and_says_why(
    scheduler_at: MakeScheduler, clock: ManualClock, modules: Callable[[str], None]
) -> None:
    modules("ab")
    scheduler = scheduler_at(clock)
    await scheduler.initialize_db()
    await scheduler.schedule_job("periodic_nightly", clock.now(), None, job_id="by-hand")
    await drain(scheduler)
    record = await scheduler.job("by-hand")
    assert record is not None
    assert record.status == "failed"
    assert "names several functions" in (record.error_message or "")
    assert runs == []


@pytest.mark.parametrize("later", [False, True])
async def test_so_does_one_whose_name_a_second_function_has_got_meanwhile(
    scheduler_at: MakeScheduler, clock: ManualClock, later: bool
) -> None:
    by_key("eu.first")
    scheduler = scheduler_at(clock)
    if later:
        await drain(scheduler)
    by_key("eu.second")
    await scheduler.initialize_db()
    await scheduler.schedule_job("periodic_report", clock.now(), None, job_id="by-hand")
    await drain(scheduler)
    record = await scheduler.job("by-hand")
    assert record is not None
    assert record.status == "failed"
    assert runs == []


async def test_a_key_with_a_point_makes_no_name_of_its_own(
    scheduler_at: MakeScheduler, clock: ManualClock
) -> None:
    by_key("eu.north")
    by_key("eu.south")
    scheduler = scheduler_at(clock)
    await scheduler.initialize_db()
    await scheduler.schedule_job("north", clock.now(), None, job_id="by-hand")
    with pytest.warns(LeftBehind):
        await drain(scheduler)
    record = await scheduler.job("by-hand")
    assert record is not None
    assert (record.status, runs) == ("pending", [])


async def test_another_expression_retires_the_schedules_of_the_whole_loop(
    scheduler_at: MakeScheduler, clock: ManualClock, decorated: dict[str, object]
) -> None:
    def release(every: timedelta) -> Scheduler:
        decorated.clear()
        for tenant in "ab":

            @periodic(every=every * (1 + (tenant == "b")))
            async def sync() -> None: ...

        scheduler = scheduler_at(clock)
        scheduler.schedules.adopt_decorated()
        return scheduler

    for every in (MINUTE, 60 * MINUTE):
        scheduler = release(every)
        await scheduler.initialize_db()
        await scheduler.worker.services.registrar.register()
    active = [info.every for info in await scheduler.list_schedules() if not info.retired]
    assert sorted(filter(None, active)) == [60 * MINUTE, 120 * MINUTE]


async def test_a_run_that_waits_while_the_whole_loop_gets_another_expression_goes_on(
    scheduler_at: MakeScheduler, clock: ManualClock, decorated: dict[str, object]
) -> None:
    """Its task is called by the key that is gone, and the schedule that took its place waits for it."""

    def release(every: timedelta) -> Scheduler:
        decorated.clear()
        for number, tenant in enumerate("ab"):

            @periodic(every=every * (1 + number), overlap="wait")
            async def sync(tenant: str = tenant) -> None:
                runs.append(tenant)

        return scheduler_at(clock)

    before = release(MINUTE)
    await before.initialize_db()
    await before.register_schedules()
    for _ in range(2):
        await before.worker.services.stager.stage_once()
        await clock.advance(2 * MINUTE)
    await live_through(release(10 * MINUTE), clock, 40 * MINUTE)
    assert (runs.count("a"), runs.count("b")) == (5, 3)


# --- decorated while a scheduler runs


async def test_what_is_decorated_later_runs_without_a_restart(scheduler_at: MakeScheduler) -> None:
    async with Scheduler(MemoryDriver()) as scheduler:

        @periodic(every=timedelta(seconds=1))
        async def late() -> None:
            runs.append("late")

        await eventually(lambda: "late" in runs)
        assert [info.task_name for info in await scheduler.list_schedules()] == ["periodic_late"]


async def test_a_second_function_of_the_name_that_is_decorated_later_gets_its_own_runs(
    scheduler_at: MakeScheduler,
) -> None:
    by_key("first")
    async with Scheduler(MemoryDriver()) as scheduler:
        by_key("second")

        async def names() -> bool:
            return {info.task_name for info in await scheduler.list_schedules()} == {
                "periodic_report@first",
                "periodic_report@second",
            }

        await eventually(names)
        for key in ("first", "second"):
            job_id = await scheduler.trigger_periodic_job(key)
            assert job_id is not None
            await scheduler.handle(job_id).wait(timeout=45)
        assert runs == ["first", "second"]


async def test_one_that_cannot_be_registered_later_keeps_no_other_from_running(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def other() -> None: ...

    async with Scheduler(MemoryDriver()) as scheduler:
        scheduler.register_task(other, TaskOptions(name="periodic_report"))
        by_key("late")

        @periodic(every=timedelta(seconds=1))
        async def later() -> None:
            runs.append("later")

        await eventually(lambda: "later" in runs)
        assert [info.task_name for info in await scheduler.list_schedules()] == ["periodic_later"]
    assert "schedule 'late' cannot be registered" in caplog.text


async def test_a_scheduler_that_runs_no_periodic_jobs_runs_no_later_ones() -> None:
    async with Scheduler(MemoryDriver(), periodic_jobs_enabled=False) as scheduler:
        by_key("late")
        await scheduler.worker.services.registrar.register()
        assert await scheduler.list_schedules() == []


# --- what no window could run


class Reports:
    async def method(self) -> None: ...

    def __call__(self) -> None: ...


async def async_of_class(cls: type) -> None: ...


async def with_argument(user: str) -> None: ...


async def with_keyword(*, user: str) -> None: ...


async def generator() -> Any:
    yield 1


def plain_generator() -> Any:
    yield 1


def _partial() -> Any:
    from functools import partial

    return partial(with_argument, "ada")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (Reports.method, "missing a required argument: 'self'"),
        (with_argument, "missing a required argument: 'user'"),
        (with_keyword, "missing a required"),
        (_partial(), "no name of its own"),
        (generator, "generator function generator"),
        (plain_generator, "generator function plain_generator"),
        (staticmethod(Reports.method), "Write @staticmethod above"),
        (classmethod(async_of_class), "Write @staticmethod above"),
        (Reports, "async functions"),
        (Reports(), "async functions"),
    ],
)
def test_what_no_window_could_run_is_refused_at_decoration(wrong: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        periodic(every=MINUTE, job_name="name", dedup_key="key")(wrong)
    periodic(every=MINUTE)(by_name_alone())
    assert len(known()) == 1


class Compiled:
    """As an extension module's functions are: with a name, and without code of Python's."""

    def __init__(self) -> None:
        self.__name__ = self.__qualname__ = "compiled"

    def __call__(self) -> None: ...


@pytest.mark.parametrize(
    "func",
    [Reports().method, task(executor="thread")(lambda: None), task(executor="thread")(Compiled())],
)
def test_a_method_of_an_object_and_a_plain_function_with_an_executor_will_do(func: Any) -> None:
    periodic(every=MINUTE, job_name="name", dedup_key="key")(func)
    assert list(known()) == ["key"]


@pytest.mark.parametrize("settings", [{"enabled": "no"}, {"enabled": 0}, {"use_advisory_lock": 1}])
async def test_a_switch_is_true_or_false(settings: dict[str, Any]) -> None:
    (name,) = settings
    with pytest.raises(InvalidInput, match=name):
        periodic(every=MINUTE, **settings)(by_name_alone())
    scheduler = Scheduler(MemoryDriver())
    with pytest.raises(InvalidInput, match=name):
        await scheduler.add_schedule(by_name_alone(), every=MINUTE, **settings)
