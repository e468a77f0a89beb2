"""A page where readers sign up: the request stores the reader and the mail, a worker sends it."""

import os

from flask import Flask, abort, request
from mails import welcome
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from pg_scheduler import SyncScheduler

app = Flask(__name__)
url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://")
engine = create_engine(url, pool_pre_ping=True)  # a restart of the database breaks no request
jobs = SyncScheduler(engine)


class Base(DeclarativeBase): ...


class Reader(Base):
    __tablename__ = "readers"

    address: Mapped[str] = mapped_column(primary_key=True)


@app.cli.command("init-db")
def init_db() -> None:
    """Make the tables."""
    Base.metadata.create_all(engine)
    jobs.initialize_db()


@app.post("/readers")
def sign_up() -> tuple[dict[str, str], int]:
    with Session(engine) as session, session.begin():
        session.add(Reader(address=request.form["address"]))
        job = jobs.using(connection=session).enqueue_sync(welcome, request.form["address"])
    return {"job": job}, 201


@app.get("/jobs/<job_id>")
def shown(job_id: str) -> dict[str, str]:
    job = jobs.job(job_id) or abort(404)
    return {"status": job.status}
