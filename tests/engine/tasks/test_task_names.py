"""What a function is called, and when two are the same."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pg_scheduler.domain.errors import InvalidInput, NotAsyncFunction
from pg_scheduler.engine.tasks.callables import checked_callable, is_async
from pg_scheduler.engine.tasks.same_function import same_function
from pg_scheduler.engine.tasks.task_names import is_of_this_process, own_names, task_name_of

Job = Callable[..., Awaitable[None]]


async def job() -> None: ...


class Mailer:
    """Whose methods are functions of one object."""

    async def send(self) -> None: ...

    async def __call__(self) -> None: ...


def by_default(value: object) -> Job:
    async def inner(value: object = value) -> None: ...

    return inner


def by_keyword(value: object) -> Job:
    async def inner(*, value: object = value) -> None: ...

    return inner


def by_closure(value: object) -> Job:
    async def inner() -> None:
        print(value)

    return inner


def that_calls_itself() -> Job:
    async def inner() -> None:
        await inner()

    return inner


@pytest.mark.parametrize("make", [by_default, by_keyword, by_closure])
def test_functions_of_one_def_are_told_apart_by_what_they_carry(make: Callable[[object], Job]) -> None:
    """In every process alike, where JSON can carry it."""
    one, same, other = (task_name_of(make(value)) for value in (1, 1, 2))
    assert one == same != other
    assert not is_of_this_process(one)
    assert is_of_this_process(task_name_of(make(object())))


def test_the_methods_of_two_objects_have_two_names_and_keep_them() -> None:
    mailers = [Mailer(), Mailer()]
    names = [task_name_of(mailer.send) for mailer in mailers]
    assert len({*names}) == 2
    assert [task_name_of(mailers[1].send)] * 2 == [task_name_of(mailers[1].send) for _ in range(2)]


def test_what_wraps_a_function_has_its_name() -> None:
    @functools.wraps(job)
    async def wrapper() -> None:
        await job()

    def wrapped(inner: Job) -> Job:
        @functools.wraps(inner)
        async def around() -> None:
            await inner()

        return around

    assert task_name_of(wrapper) == task_name_of(wrapped(job)) == f"{__name__}:job"


def test_a_function_that_names_itself_has_a_name_when_it_is_decorated() -> None:
    names: list[str] = []

    def named(func: Job) -> Job:
        names.append(task_name_of(func))
        return func

    @named
    async def inner() -> None:
        await inner()

    assert "inner#" in names[0]


def test_functions_that_call_themselves_are_compared_once() -> None:
    assert same_function(that_calls_itself(), that_calls_itself())


def test_what_has_no_name_of_its_own_is_refused() -> None:
    for nameless in (lambda: job(), functools.partial(job), Mailer()):
        with pytest.raises(InvalidInput, match=r"register\(func, name="):
            task_name_of(nameless)
        assert own_names(nameless) == ()


def test_a_name_of_one_process_is_no_name_by_which_others_find_a_function() -> None:
    assert own_names(by_closure(object())) == ()
    assert own_names(job) == (f"{__name__}:job", "job")


@pytest.mark.parametrize("not_run", [Mailer, print, lambda: None])
def test_what_would_be_completed_without_having_run_is_refused(not_run: Any) -> None:
    assert not is_async(not_run)
    with pytest.raises(NotAsyncFunction):
        checked_callable(not_run, None)
    checked_callable(not_run, "thread")
