"""Which functions are one task, and what is remembered of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from pg_scheduler.engine.tasks.registry import TaskOptions, TaskRegistry

Job = Callable[[], Awaitable[None]]


async def job() -> None: ...


class Unhashable:
    """Objects with an equality of their own have no hash."""

    def __eq__(self, other: object) -> bool:
        return self is other

    async def __call__(self) -> None: ...


def closure_over(value: object) -> Job:
    async def inner() -> None:
        print(value)

    return inner


def test_what_one_name_of_a_function_was_told_is_not_meant_for_another() -> None:
    registry = TaskRegistry()
    registry.register(job, TaskOptions(name="patient", timeout=timedelta(hours=1), max_retries=5))
    other = registry.register(job, TaskOptions(name="hasty"))
    assert (other.timeout, other.max_retries) == (None, 0)
    again = registry.register(job, TaskOptions(name="hasty", max_retries=1))
    assert (again.timeout, again.max_retries) == (None, 1)


def test_an_object_without_a_hash_is_found_by_its_name() -> None:
    registry, objects = TaskRegistry(), [Unhashable(), Unhashable()]
    for number, one in enumerate(objects):
        registry.register(one, TaskOptions(name=f"{number}"))
    assert [task.func for task in registry] == objects
    registry.remove("0")
    assert registry.resolve("0") is None


def test_of_a_task_that_is_taken_out_no_job_is_remembered() -> None:
    registry = TaskRegistry()
    task = registry.register_for_job(closure_over(object()), TaskOptions())
    registry.needed_by("one", task.name)
    registry.needed_by("two", task.name)
    registry.discard(task.name)
    assert registry.passing.jobs() == []
    registry.job_ended(task.name, "one")
    assert len(registry) == 0


def test_a_name_that_two_functions_share_is_claimed_by_nobody() -> None:
    registry = TaskRegistry()
    for module, func in (("a", closure_over(1)), ("b", closure_over(2))):
        registry.register(func, TaskOptions(name=f"{module}:job"))
    assert registry.known_names() == {"a:job", "b:job"}
    assert registry.resolve("job") is None
    registry.remove("b:job")
    assert registry.known_names() == {"a:job", "job"}


def test_a_name_that_schedules_share_is_known_at_once_and_an_exact_name_comes_first() -> None:
    registry = TaskRegistry()
    registry.register(job, TaskOptions(name="exact"))
    assert registry.known_names() == {"exact"}
    registry.share({name: {"key": "nobody's"} for name in ("exact", "shared")})
    assert registry.known_names() == {"exact", "shared"}
    assert [registry.is_shared(name) for name in ("exact", "shared", "unknown")] == [False, True, False]
    assert registry.resolve("exact", "key") is not None
