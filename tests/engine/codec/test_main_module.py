"""A program's own classes mean the same in the program and in the worker that imports it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

APP = """
from dataclasses import dataclass
from enum import Enum
from pg_scheduler.engine.codec.json_codec import JsonCodec

class Colour(Enum):
    RED = 1

@dataclass
class Paint:
    colour: Colour

if __name__ == "__main__":
    print(JsonCodec().encode_result([Colour.RED, Paint(Colour.RED)]))
"""
WORKER = """
import sys
import {app} as app
from pg_scheduler.engine.codec.json_codec import JsonCodec

colour, paint = JsonCodec().decode_result(sys.argv[1])
assert colour is app.Colour.RED and paint == app.Paint(colour), (colour, paint)
"""


def run(folder: Path, *arguments: str) -> str:
    """The output of a Python program in `folder`."""
    paths = [str(folder), *sys.path]
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={"PYTHONPATH": os.pathsep.join(path for path in paths if path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("file", "command", "app"),
    [
        ("paintshop.py", ["paintshop.py"], "paintshop"),
        ("paintshop.py", ["-m", "paintshop"], "paintshop"),
        ("shops/paint.py", ["-m", "shops.paint"], "shops.paint"),
    ],
)
def test_a_worker_that_imports_the_program_reads_what_the_program_wrote(
    tmp_path: Path, file: str, command: list[str], app: str
) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(APP)
    written = run(tmp_path, *command)
    assert f"{app}:Colour" in written
    (tmp_path / "worker.py").write_text(WORKER.format(app=app))
    run(tmp_path, "worker.py", written)


def test_a_program_reads_what_a_scheduling_process_wrote_that_imports_it(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        APP.replace("print(", "import sys; print(JsonCodec().decode_result(sys.argv[1])) or print(")
    )
    (tmp_path / "client.py").write_text(
        "import shop\nprint(shop.JsonCodec().encode_result(shop.Paint(shop.Colour.RED)))"
    )
    told = run(tmp_path, "client.py")
    assert run(tmp_path, "shop.py", told).splitlines()[0] == "Paint(colour=<Colour.RED: 1>)"
