"""What middleware keeps while a worker runs."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager

from pg_scheduler.domain.errors import ConfigurationError
from pg_scheduler.ports.middleware import Middleware, overrides

_Wanted = tuple[Middleware, "asyncio.Future[None]"]


class Lifespans:
    """Enters the lifespans of middleware, each once, and leaves them in the opposite order.

    Both happen in one task of their own: a task group or a cancel scope within a lifespan has to be left in
    the task in which it was entered, and who starts a worker is often not who stops it.
    """

    def __init__(self) -> None:
        self._entered: dict[int, _Wanted] = {}
        """By identity: middleware need not be hashable."""
        self._wanted: asyncio.Queue[_Wanted | None] = asyncio.Queue()
        self._living: asyncio.Task[None] | None = None

    async def enter(self, middleware: Iterable[Middleware]) -> None:
        """Those that are not entered yet, in this order.

        Raises:
            Exception: what the first of them raised that could not be entered; it may be tried again.
        """
        for each in middleware:
            known = self._entered.get(id(each))
            if known is not None and known[1].done():
                continue
            if overrides(each, "lifespan"):
                await self._enter(each)

    async def _enter(self, middleware: Middleware) -> None:
        known = self._entered.get(id(middleware))
        if known is None:
            known = middleware, asyncio.get_running_loop().create_future()
            self._entered[id(middleware)] = known
            self._wanted.put_nowait(known)
            if self._living is None:
                # Not in the context of a job, if it is one that has to wait for it.
                self._living = asyncio.get_running_loop().create_task(
                    self._live(), name="pg_scheduler lifespans", context=contextvars.Context()
                )
        await asyncio.shield(known[1])

    async def leave(self) -> None:
        """All that are entered; one that still waits to be is cancelled. Idempotent.

        Raises:
            Exception: what one of them raised; all others have been left.
        """
        living = self._living
        if living is None:
            return
        self._wanted.put_nowait(None)
        if not all(entered.done() for _, entered in self._entered.values()):
            living.cancel()
        await asyncio.wait({living})
        if self._living is not living:
            return  # somebody else has left them, and heard how it went
        self._living, self._entered, self._wanted = None, {}, asyncio.Queue()
        if not living.cancelled():
            living.result()

    async def _live(self) -> None:
        lifespans: list[AbstractAsyncContextManager[object]] = []
        try:
            while (wanted := await self._wanted.get()) is not None:
                middleware, entered = wanted
                try:
                    lifespan = _lifespan_of(middleware)
                    await lifespan.__aenter__()
                except Exception as error:
                    del self._entered[id(middleware)]
                    entered.set_exception(error)
                except BaseException:
                    entered.cancel()
                    raise
                else:
                    lifespans.append(lifespan)
                    entered.set_result(None)
        finally:
            await _leave_all(reversed(lifespans))


async def _leave_all(lifespans: Iterable[AbstractAsyncContextManager[object]]) -> None:
    """Each of them, as if the others had ended well: they are no more than neighbours."""
    errors: list[Exception] = []
    for lifespan in lifespans:
        try:
            await lifespan.__aexit__(None, None, None)
        except Exception as error:
            errors.append(error)
    if len(errors) > 1:
        raise ExceptionGroup("lifespans of middleware failed at their ends", errors)
    if errors:
        raise errors[0]


def _lifespan_of(middleware: Middleware) -> AbstractAsyncContextManager[object]:
    lifespan = middleware.lifespan()
    if not isinstance(lifespan, AbstractAsyncContextManager):
        raise ConfigurationError(
            f"{type(middleware).__qualname__}.lifespan() returned {type(lifespan).__name__}: "
            "decorate it with @contextlib.asynccontextmanager"
        )
    return lifespan
