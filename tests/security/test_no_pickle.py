"""Nothing is unpickled, and nothing is imported or evaluated because a row says so."""

from __future__ import annotations

import ast
import json
import os
import sys
from pathlib import Path

import asyncpg
import pytest

from pg_scheduler.client.source import Library
from tests.adapters.cli.conftest import run

ROOT = Path(__file__).parents[2]
PICKLERS = {
    "pickle",
    "_pickle",
    "cPickle",
    "dill",
    "cloudpickle",
    "joblib",
    "shelve",
    "marshal",
    "jsonpickle",
    "yaml",
}
EVALUATORS = {"eval", "exec", "compile", "__import__"}
FILES = sorted([*(ROOT / "pg_scheduler").rglob("*.py"), *(ROOT / "adapters").rglob("*.py")])
IMPORTS_BY_NAME = {
    "pg_scheduler/__init__.py": "its own modules, named in the code, when a name of them is asked for",
    "adapters/pg_scheduler_cli/commands.py": "its own modules, named in the code, one for each command",
    "pg_scheduler/db.py": "one of two adapters, named in the code",
    "pg_scheduler/engine/tasks/task_loader.py": "modules that the worker was told to trust",
    "pg_scheduler/engine/executors/process_child.py": "the module of a function that the parent registered",
    "adapters/pg_scheduler_cli/paths.py": "what stands on the command line",
    "adapters/pg_scheduler_cli/tracebacks.py": "nothing: it asks where importlib lies",
    "adapters/pg_scheduler_postgres/borrowing.py": "one of a few adapters, named in the code",
}


UNPICKLES = {
    "adapters/pg_scheduler_import/apscheduler.py": "rows that APScheduler itself unpickles, when told to",
}


def breaches(tree: ast.AST) -> list[str]:
    """Imports of picklers, calls of evaluators, and the methods of multiprocessing that pickle."""
    found = []
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        found += [f"imports {name}" for name in names if name.partition(".")[0] in PICKLERS]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in EVALUATORS:
            found.append(f"calls {node.func.id}")
        if (
            isinstance(node, ast.Attribute)
            and node.attr in ("send", "recv")
            and "pipe" in ast.unparse(node.value)
        ):
            found.append(f"pickles: {ast.unparse(node)}")
    return found


def test_no_file_of_ours_pickles_or_evaluates() -> None:
    found = [
        f"{file.relative_to(ROOT)}: {breach}"
        for file in FILES
        for breach in breaches(ast.parse(file.read_text(encoding="utf-8")))
        if str(file.relative_to(ROOT)) not in UNPICKLES
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    ["import pickle", "from pickle import loads", "eval('1')", "self._pipe.send(1)", "import dill.x"],
)
def test_a_breach_is_found(source: str) -> None:
    """The control."""
    assert breaches(ast.parse(source))


def test_modules_are_imported_by_name_in_these_places_only() -> None:
    found = {
        str(file.relative_to(ROOT)) for file in FILES if "importlib" in file.read_text(encoding="utf-8")
    } - {
        "adapters/pg_scheduler_cli/metrics.py",
        "adapters/pg_scheduler_postgres/statements.py",
        "adapters/pg_scheduler_postgres/migration_steps.py",
        "adapters/pg_scheduler_web/rendering.py",
    }
    found = {name for name in found if "demo" not in name and "embedded" not in name}
    assert found == set(IMPORTS_BY_NAME)


PATH = f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
BOMB = b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x04true\x94\x85\x94R\x94."
"""Who unpickles this runs a program."""

_WATCHED = """
import asyncio, json, sys
from datetime import UTC, datetime, timedelta
import pg_scheduler, pg_scheduler.executors, pg_scheduler.testing
from pg_scheduler import JobStatus, PgQueuer, Scheduler, Queries

dsn, library, pickled = sys.argv[1:]
hostile = bytes.fromhex(pickled)
seen = []
watching = False

def hook(event, args):
    if watching and event in ("pickle.find_class", "import", "exec", "compile"):
        seen.append((event, str(args[0])[:80]))

sys.addaudithook(hook)

async def take(payload):
    return len(payload)

def take_in_process(payload):
    return len(payload)

async def main():
    global watching
    worker = Scheduler(dsn, library=library, task_modules=["tests.support.trusted"])
    worker.register(take, name="take")
    await worker.initialize_db()
    queries = Queries(worker)
    async with worker:
        warm = await queries.enqueue("take", b"warm", store_result=True)
        assert await warm[0].result(timeout=45) == 4
        await asyncio.sleep(0)
        watching = True
        ids = []
        for payload in (hostile, b'{"args": [{"$dataclass": ["antigravity:x", {}]}], "kwargs": {}}'):
            (handle,) = await queries.enqueue("take", payload, headers={"py/object": "antigravity.x"})
            ids.append(handle)
        for name in ("os:system", "antigravity:fly", "subprocess:Popen", "this", "tests.support.untrusted:f"):
            await queries.enqueue(name, hostile)
        for handle in ids:
            print(await handle.wait(20))
        await worker.load_task_functions()
        watching = False
    print(json.dumps([one for one in seen if one[0] == "pickle.find_class" or "antigravity" in one[1]
                      or one[1] in ("this", "tests.support.untrusted")]))

if __name__ == "__main__":
    asyncio.run(main())
"""


def test_the_bomb_is_live() -> None:
    """The control."""
    import pickle

    assert pickle.loads(BOMB) == 0


async def test_hostile_rows_make_a_worker_import_and_unpickle_nothing(
    dsn: str, library: Library, tmp_path: Path, sql: asyncpg.Connection
) -> None:
    """Seen by the interpreter's own audit hook."""
    program = tmp_path / "watched.py"
    program.write_text(_WATCHED)
    done = await run(sys.executable, program, dsn, library, BOMB.hex(), PYTHONPATH=PATH)
    assert done.code == 0, done.err
    *statuses, seen = done.out.splitlines()
    assert statuses == ["completed", "failed"]
    assert json.loads(seen) == []
    waiting = "SELECT count(*) FROM scheduled_jobs WHERE status = 'pending' AND worker_id IS NULL"
    assert await sql.fetchval(waiting) == 5, "names that nobody allowed wait for somebody who knows them"


_CROSSING = """
import asyncio, multiprocessing.connection as connection, sys
from pg_scheduler import Scheduler
from pg_scheduler.testing import MemoryDriver
from tests.support.running import past
from tests.security.crossing import MARKER, echo

class Refused(Exception):
    pass

def refuse(self, *args):
    raise Refused("Connection.send and recv pickle")

async def main():
    connection.Connection.send = connection.Connection.recv = refuse
    unpickled = []
    sys.addaudithook(lambda event, args: unpickled.append(args) if event == "pickle.find_class" else None)
    written = []
    original = connection.Connection._send
    def watched(self, buf, *more):
        written.append(bytes(buf))
        return original(self, buf, *more)
    connection.Connection._send = watched
    async with Scheduler(MemoryDriver()) as scheduler:
        job = await scheduler.schedule(echo, execution_time=past(), args=(MARKER,), executor="process",
                                       store_result=True)
        assert await job.result(timeout=30) == MARKER
    sent = b"".join(written)
    assert MARKER.encode() in sent, "the control: the argument crossed here"
    assert b"\\x80\\x04" not in sent and b"\\x80\\x05" not in sent, "as JSON"
    assert unpickled == [], unpickled
    print("fine")

if __name__ == "__main__":
    asyncio.run(main())
"""


async def test_what_crosses_to_a_worker_process_is_json(tmp_path: Path) -> None:
    """multiprocessing pickles what starts a process: the function that serves it, and its end of the pipe. Of
    a job nothing is pickled: not its arguments, not its result."""
    program = tmp_path / "crossing_program.py"
    program.write_text(_CROSSING)
    done = await run(sys.executable, program, PYTHONPATH=PATH)
    assert (done.code, done.out) == (0, "fine\n"), done.err
