"""Functions that only this process can run: what they are called, who may run them, and for how long."""

from __future__ import annotations

import gc
import importlib
import logging
import os
import sys
import weakref
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from pathlib import Path

import pytest

from pg_scheduler import JobStatus, Scheduler, TaskNameConflict
from pg_scheduler.engine.tasks.passing_tasks import UNSEEN
from pg_scheduler.engine.tasks.task_names import task_name_of
from pg_scheduler.testing import ManualClock, MemoryDriver, drain
from tests.support.running import later, past

Job = Callable[[], Awaitable[None]]
sent: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_sent() -> None:
    sent.clear()
    importlib.import_module("pg_scheduler.engine.tasks.passing_tasks")._warned.clear()


class Mailer:
    def __init__(self, tenant: str) -> None:
        self.tenant = tenant

    async def send(self) -> None:
        sent.append(self.tenant)

    @classmethod
    async def create(cls) -> None:
        sent.append(cls.__name__)

    @staticmethod
    async def ping() -> None:
        sent.append("ping")


class Letters(Mailer):
    """Inherits a class method."""


def closure(over: object) -> Job:
    async def job() -> None:
        sent.append(type(over).__name__)

    return job


def in_fork(answer: Callable[[], str]) -> str:
    """What a forked process answers."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(theirs, answer().encode())
        finally:
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")


@needs_fork
def test_a_forked_process_names_its_functions_apart_from_its_parents() -> None:
    mailer, job = Mailer("a"), closure(object())
    before = [task_name_of(mailer.send), task_name_of(job)]
    in_child = in_fork(lambda: " ".join([task_name_of(mailer.send), task_name_of(job)])).split()
    other_child = in_fork(lambda: task_name_of(closure(object())))
    assert len({*before, *in_child, other_child, task_name_of(closure(object()))}) == 6
    assert [task_name_of(mailer.send), task_name_of(job)] == before


@needs_fork
async def test_a_forked_process_does_not_run_what_its_parent_alone_can() -> None:
    scheduler = Scheduler(MemoryDriver())
    scheduler.register(closure(object()))
    scheduler.register(Mailer.ping)
    assert len(scheduler.task_map) == 2
    said = in_fork(lambda: " ".join(sorted(scheduler._registry.known_names())))
    assert said.split() == sorted({task_name_of(Mailer.ping), "ping"})
    assert len(scheduler.task_map) == 2


# --- how long they are known


async def test_they_are_forgotten_with_their_last_job() -> None:
    scheduler = Scheduler(MemoryDriver())
    mailer = Mailer("a")
    alive = weakref.ref(mailer)
    for _ in range(2):
        await scheduler.schedule(mailer.send, execution_time=past())
    assert len(scheduler.task_map) == 1
    await drain(scheduler)
    assert sent == ["a", "a"]
    assert len(scheduler.task_map) == 0
    await scheduler.schedule(mailer.send, execution_time=past())
    await drain(scheduler)
    assert sent == ["a"] * 3
    del mailer
    gc.collect()
    assert alive() is None


async def test_a_job_that_is_tried_again_has_not_ended() -> None:
    async def fails() -> None:
        sent.append(str(marker))
        if len(sent) == 1:
            raise OSError

    marker = object()
    clock = ManualClock()
    scheduler = Scheduler(MemoryDriver(), clock=clock)
    await scheduler.schedule(fails, execution_time=clock.now(), max_retries=1)
    await drain(scheduler)
    assert len(scheduler.task_map) == 1
    await clock.advance(timedelta(hours=1))
    await drain(scheduler)
    assert len(sent) == 2
    assert len(scheduler.task_map) == 0


@pytest.mark.parametrize("known_by", ["register", "add_schedule"])
async def test_what_is_registered_for_its_own_sake_is_kept(known_by: str) -> None:
    scheduler = Scheduler(MemoryDriver())
    mailer = Mailer("a")
    await scheduler.schedule(mailer.send, execution_time=past())
    if known_by == "register":
        scheduler.register(mailer.send)
    else:
        await scheduler.add_schedule(mailer.send, every=timedelta(days=1))
    await scheduler.schedule(mailer.send, execution_time=past())
    await drain(scheduler)
    assert len(scheduler.task_map) == 1


async def test_a_job_that_was_cancelled_before_it_began_needs_its_function_no_more() -> None:
    scheduler = Scheduler(MemoryDriver())
    await scheduler.open()
    handle = await scheduler.schedule(Mailer("a").send, execution_time=later())
    stays = await scheduler.schedule(Mailer("b").send, execution_time=later())
    await scheduler.worker.services.passing_jobs.look()
    assert len(scheduler.task_map) == 2
    await scheduler.cancel_job(handle)
    await scheduler.worker.services.passing_jobs.look()
    record = await scheduler.job(stays)
    assert record is not None
    assert list(scheduler.task_map) == [record.task_name]


async def test_many_jobs_are_asked_about_in_one_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = Scheduler(MemoryDriver())
    await scheduler.open()
    handles = [await scheduler.schedule(Mailer(n).send, execution_time=later()) for n in "abc"]
    looks: list[list[str]] = []
    statuses = scheduler.driver.insight.statuses

    async def counted(job_ids: Collection[str]) -> dict[str, JobStatus]:
        looks.append(list(job_ids))
        return await statuses(job_ids)

    monkeypatch.setattr(scheduler.driver.insight, "statuses", counted)
    await scheduler.worker.services.passing_jobs.look()
    assert looks == [handles]


async def test_of_a_job_that_turned_up_and_ended_nothing_is_remembered() -> None:
    scheduler = Scheduler(MemoryDriver(), clock=ManualClock())
    await scheduler.open()
    task = scheduler._registry.register_for_job(
        Mailer("a").send, importlib.import_module("pg_scheduler.engine.tasks.registry").TaskOptions()
    )
    passing = scheduler.worker.services.passing_jobs
    for job_id in ("ended", "waits"):
        scheduler._registry.needed_by(job_id, task.name)
    await passing.look()
    scheduler._registry.job_ended(task.name, "ended")
    await passing.look()
    assert list(passing._unseen_since) == ["waits"]


async def test_a_job_that_nobody_finds_may_yet_be_committed() -> None:
    clock = ManualClock()
    scheduler = Scheduler(MemoryDriver(), clock=clock)
    await scheduler.open()
    task = scheduler._registry.register_for_job(
        Mailer("a").send, importlib.import_module("pg_scheduler.engine.tasks.registry").TaskOptions()
    )
    scheduler._registry.needed_by("in a transaction", task.name)
    look = scheduler.worker.services.passing_jobs.look
    await look()
    await clock.advance(timedelta(seconds=UNSEEN - 1))
    await look()
    assert len(scheduler.task_map) == 1
    await clock.advance(timedelta(seconds=1))
    await look()
    assert len(scheduler.task_map) == 0


async def test_the_thousandth_closure_costs_what_the_first_did() -> None:
    """Counted, not timed: the names that a worker knows, and sends with each claim."""
    scheduler = Scheduler(MemoryDriver(), max_concurrent_jobs=50)
    for number in range(300):
        await scheduler.schedule(closure(object()), execution_time=past(), job_id=str(number))
        if number % 50 == 49:
            await drain(scheduler)
            assert len(scheduler.task_map) == 0
            assert scheduler._registry.known_names() == frozenset()
            assert scheduler._registry.passing.jobs() == []
    assert len(sent) == 300


# --- what is said


async def test_it_is_said_once_that_no_other_process_can_run_them(caplog: pytest.LogCaptureFixture) -> None:
    scheduler = Scheduler(MemoryDriver())
    with caplog.at_level(logging.WARNING, "pg_scheduler"):
        for tenant in "ab":
            await scheduler.schedule(Mailer(tenant).send, execution_time=later())
        await scheduler.schedule(Mailer.create, execution_time=later())
        await scheduler.schedule(closure("text"), execution_time=later())
    (warning,) = caplog.messages
    assert "Mailer.send" in warning
    assert "in this process or not at all" in warning


# --- class methods are found again


@pytest.mark.parametrize("of", [Mailer, Letters])
async def test_a_class_method_is_called_by_its_class(of: type[Mailer]) -> None:
    scheduler, other = (Scheduler(driver) for driver in [MemoryDriver()] * 2)
    handle = await scheduler.schedule(of.create, execution_time=past())
    record = await scheduler.job(handle)
    assert record is not None
    assert record.task_name == f"{__name__}:{of.__name__}.create"
    other.register(of.create)
    await drain(other)
    assert sent == [of.__name__]


async def test_a_restarted_worker_finds_a_class_method() -> None:
    driver = MemoryDriver()
    for of in (Mailer, Letters):
        await Scheduler(driver).schedule(of.create, execution_time=past())
    scheduler = Scheduler(driver, task_modules=[__name__])
    loaded = await scheduler.load_task_functions()
    assert loaded.unresolved == ()
    await drain(scheduler)
    assert sorted(sent) == ["Letters", "Mailer"]


async def test_a_class_that_only_this_process_has_is_not_found_by_others() -> None:
    class Local(Mailer):
        """Has no place that could be looked up."""

    scheduler = Scheduler(MemoryDriver())
    handle = await scheduler.schedule(Local.create, execution_time=past())
    record = await scheduler.job(handle)
    assert record is not None
    assert "@" in record.task_name


# --- names by hand, cells of a notebook


async def test_a_function_in_the_task_map_is_known_as_itself_too() -> None:
    scheduler = Scheduler(MemoryDriver())
    scheduler.task_map["by-hand"] = Mailer.ping
    scheduler.task_map["again"] = Mailer.ping
    for name in ("by-hand", "again", f"{__name__}:Mailer.ping", "ping"):
        await scheduler.schedule_job(name, past(), None)
    await drain(scheduler)
    assert sent == ["ping"] * 4
    assert dict(scheduler.task_map) == {"by-hand": Mailer.ping, "again": Mailer.ping}
    del scheduler.task_map["by-hand"]
    assert "ping" in scheduler.task_map
    del scheduler.task_map["again"]
    assert "ping" not in scheduler.task_map


def cell(source: str, filename: str | None = None) -> Job:
    """The function of a notebook's cell."""
    names: dict[str, object] = {"__name__": "__main__", "sent": sent}
    exec(compile(source, filename or f"<cell {hash(source)}>", "exec"), names)
    return names["job"]  # type: ignore[return-value]


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """The main program is interactive: it has no file, and no import made it."""
    main = type(sys)("__main__")
    main.__spec__ = None
    monkeypatch.setitem(sys.modules, "__main__", main)


async def test_an_edited_cell_takes_the_place_of_the_earlier(notebook: None) -> None:
    scheduler = Scheduler(MemoryDriver())
    await scheduler.schedule(cell("async def job(): sent.append('old')"), execution_time=past())
    await scheduler.schedule(cell("async def job(): sent.append('new')"), execution_time=past())
    await drain(scheduler)
    assert sent == ["new", "new"]


async def test_a_name_that_was_chosen_means_one_function_in_a_notebook_too(notebook: None) -> None:
    scheduler = Scheduler(MemoryDriver())
    scheduler.register(cell("async def job(): sent.append('old')"), name="chosen")
    with pytest.raises(TaskNameConflict, match="task_map"):
        scheduler.register(cell("async def job(): sent.append('new')"), name="chosen")


async def test_two_functions_of_one_file_are_no_edited_cell(notebook: None) -> None:
    scheduler = Scheduler(MemoryDriver())
    scheduler.register(cell("async def job(): sent.append('one')", "app.py"))
    with pytest.raises(TaskNameConflict, match="task_map"):
        scheduler.register(cell("\nasync def job(): sent.append('other')", "app.py"))


async def test_a_reloaded_module_is_asked_to_say_what_it_means(tmp_path: Path) -> None:
    source = "async def job(): sent.append({!r})"
    scheduler = Scheduler(MemoryDriver())
    for text in ("old", "new"):
        names: dict[str, object] = {"__name__": __name__, "sent": sent}
        exec(compile(source.format(text), str(tmp_path / "app.py"), "exec"), names)
        if text == "old":
            scheduler.register(names["job"])  # type: ignore[type-var]
    with pytest.raises(TaskNameConflict, match="task_map"):
        scheduler.register(names["job"])  # type: ignore[type-var]
    scheduler.task_map[f"{__name__}:job"] = names["job"]  # type: ignore[assignment]
    await scheduler.schedule_job("job", past(), None)
    await drain(scheduler)
    assert sent == ["new"]
