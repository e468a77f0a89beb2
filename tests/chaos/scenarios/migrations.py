"""Eight processes migrate at once, and one of them dies at each statement in turn."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, replace

import asyncpg

from pg_scheduler.client.source import Library
from tests.chaos.act import Act, Ground
from tests.chaos.crew import ROOT
from tests.chaos.outcome import Outcome
from tests.support.catalog import shape_of

MIGRATORS = 8
PATIENCE = 30.0


class Migrator:
    """A process that installs what it is told, and can be stopped before any statement."""

    def __init__(self, dsn: str, library: Library) -> None:
        self._dsn, self._library = dsn, library

    async def start(self) -> Migrator:
        """Started, and ready for orders."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.chaos.migrator", self._dsn, self._library,
            cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert await self.says() == "ready"
        return self

    def told(self, text: str) -> None:
        """Send it a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{text}\n".encode())

    async def says(self) -> str:
        """Its next line; nothing if it is gone."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            return (await self._process.stdout.readline()).decode().strip()

    async def killed(self) -> None:
        """SIGKILL; return when it is gone."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.communicate()


@dataclass(slots=True)
class Rounds:
    """What became of all rounds."""

    sql: asyncpg.Connection
    team: list[Migrator]
    dsn: str
    library: Library
    problems: list[str]
    played: int = 0

    async def statements(self) -> int:
        """How many an undisturbed installation takes; it is the one that all others must equal."""
        self.team[0].told("reference 0")
        return int((await self.team[0].says()).split()[1])

    async def play(self, number: int) -> None:
        """One migrator stops before a statement, the others come, it dies: one way in even rounds (its
        process), another in odd ones (its backend). The others must complete the work, and its successor.
        """
        self.played += 1
        schema, doomed = f"round_{number}", self.team[0]
        doomed.told(f"{schema} {number}")
        backend = int((await doomed.says()).split()[1])
        for other in self.team[1:]:
            other.told(f"{schema} 0")
        await self._others_wait_or_are_done()
        if number % 2:
            await self.sql.execute("SELECT pg_terminate_backend($1)", backend)
            doomed.told("go on")
        else:
            await doomed.killed()
            self.team[0] = await Migrator(self.dsn, self.library).start()
        answers = await asyncio.gather(*(other.says() for other in self.team[1:]))
        if number % 2 and not (await doomed.says()).startswith(("failed ConnectionLost", "done")):
            self.problems.append(f"statement {number}: the loss was not told as ConnectionLost")
        self.team[0].told(f"{schema} 0")
        answers.append(await self.team[0].says())
        if not all(answer.startswith("done") for answer in answers):
            self.problems.append(f"statement {number}: {sorted(set(answers))}")
        if await shape_of(self.sql, schema) != await shape_of(self.sql, "reference"):
            self.problems.append(f"statement {number}: the tables are not what they should be")
        await self._check_ledger(schema, number)
        await self.sql.execute(f"DROP SCHEMA {schema} CASCADE")

    async def _others_wait_or_are_done(self) -> None:
        """They either queue behind the doomed one's lock, or have overtaken it before it had one."""
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        holding = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        for _ in range(100):
            if await self.sql.fetchval(waiting) >= 3 or not await self.sql.fetchval(holding):
                return
            await asyncio.sleep(0.01)

    async def _check_ledger(self, schema: str, number: int) -> None:
        ledger = "SELECT array_agg(version ORDER BY version) FROM {}.scheduled_job_migrations"
        found = await self.sql.fetchval(ledger.format(schema))
        if found != await self.sql.fetchval(ledger.format("reference")):
            self.problems.append(f"statement {number}: the ledger says {found}")


async def _play(ground: Ground) -> Outcome:
    sql = await asyncpg.connect(ground.dsn)
    makers = [Migrator(ground.dsn, ground.library) for _ in range(MIGRATORS)]
    team = list(await asyncio.gather(*(maker.start() for maker in makers)))
    rounds = Rounds(sql, team, ground.dsn, ground.library, [])
    try:
        total = await rounds.statements()
        numbers = list(range(1, total + 1))
        if ground.options.scale < 1:
            chosen = max(round(total * ground.options.scale), 3)
            numbers = sorted(ground.options.random_for("statements").sample(numbers, min(chosen, total)))
        for number in numbers:
            await rounds.play(number)
    finally:
        await asyncio.gather(*(member.killed() for member in rounds.team))
        await sql.close()
    return replace(
        ground.outcome(MIGRATIONS.name),
        faults=rounds.played,
        note=f"{rounds.played} of {total} statements, {MIGRATORS} processes each",
        problems=tuple(rounds.problems),
    )


MIGRATIONS = Act("migrators", "eight processes migrate at once, one dies at each statement in turn", _play)
