"""Orders, and the mails that confirm them: stored together, or not at all."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi.requests import Request
from fastapi.responses import HTMLResponse, StreamingResponse
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from pg_scheduler import Scheduler, current_job, task
from pg_scheduler_starlette import event_stream, lifespan, scheduler_of
from pg_scheduler_web import Access, dashboard

url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://")
engine = create_async_engine(url, pool_pre_ping=True)  # a restart of the database breaks no request
sessions = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase): ...


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    item: Mapped[str]


@task
async def send_mail(item: str, steps: int = 5, pause: float = 0.05) -> str:
    for step in range(steps):
        await asyncio.sleep(pause)
        current_job().progress(step + 1, steps)
    return f"sent: {item}"


@asynccontextmanager
async def tables(app: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    await engine.dispose()


async def session() -> AsyncIterator[AsyncSession]:
    async with sessions.begin() as opened:
        yield opened


async def staff(request: Request) -> Access | None:
    """Who may see the dashboard; nobody unless STAFF_TOKEN is set."""
    token, given = os.environ.get("STAFF_TOKEN", ""), request.headers.get("x-staff-token", "")
    return Access.admin("staff") if token and secrets.compare_digest(token, given) else None


scheduler = Scheduler(engine)
scheduler.register(send_mail)
app = FastAPI(lifespan=lifespan(scheduler, inner=tables))
app.mount("/ops/jobs", dashboard(scheduler, auth=staff))
Jobs = Annotated[Scheduler, Depends(scheduler_of)]


@app.get("/", response_class=HTMLResponse)
async def page() -> str:
    return Path(__file__).with_name("page.html").read_text()


@app.post("/orders/{number}")
async def order(
    number: int,
    item: str,
    opened: Annotated[AsyncSession, Depends(session, scope="function")],
    pause: float = 0.05,
    delay: float = 0,
) -> dict[str, str]:
    opened.add(Order(id=number, item=item))
    job = await send_mail.using(connection=opened, delay=delay).enqueue(item, pause=pause)
    return {"job": job}


@app.get("/jobs/{job}/events")
async def events(job: str, jobs: Jobs) -> StreamingResponse:
    return event_stream(jobs.handle(job))


@app.delete("/jobs/{job}")
async def cancel(job: str, jobs: Jobs) -> dict[str, bool]:
    return {"stopped": await jobs.cancel_job(job)}
