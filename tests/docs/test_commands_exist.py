"""Every command that is shown exists, with its options."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable

import click
import pytest

from pg_scheduler.domain.version import VERSION
from pg_scheduler_cli.main import main as pgq
from tests.docs.pages import ROOT, Block, all_blocks

_ASSIGNMENT = re.compile(r"(?P<name>[A-Z_]+)=")
_MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
_EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"
]


def _commands() -> list[tuple[Block, list[str]]]:
    return [
        (block, shlex.split(line.removeprefix("$ ")))
        for block in all_blocks("console", "bash")
        for line in block.text.splitlines()
        if block.language == "bash" or line.startswith("$ ")
    ]


COMMANDS = _commands()


def _check_make(words: list[str]) -> None:
    for word in words:
        variable = _ASSIGNMENT.match(word)
        wanted = rf"\$\({variable['name']}\)" if variable else rf"^{re.escape(word)}:"
        assert re.search(wanted, _MAKEFILE, re.MULTILINE), f"make has no {word!r}"


def _check_pgq(words: list[str]) -> None:
    command: click.Command = pgq
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.commands.get(words.pop(0))
        assert found is not None, f"{command.name} has no such command"
        command = found
    context = click.Context(command)
    command.make_parser(context).parse_args(words)  # raises UsageError for an option it does not have


def _check_python(words: list[str]) -> None:
    if words[0] == "manage.py":
        assert words[1] in ("migrate", "pgq", "check", "test", "runserver")
        if words[1] == "pgq":
            _check_pgq([*words[2:], "--", "the.worker"] if words[2] == "run" else words[2:])
        return
    assert words[0] == "-m", "programs are blocks of their own"
    assert importlib.util.find_spec(words[1]), f"no module {words[1]}"


def _check_pip(words: list[str]) -> None:
    assert words[0] == "install"
    for extras in re.findall(r"\[([\w,]+)\]", " ".join(words)):
        for extra in extras.split(","):
            assert extra in _EXTRAS, f"no extra {extra!r}"
    for word in words[1:]:
        by_name = word.startswith("pg-scheduler")
        assert not by_name or f">={VERSION}" in word, f"{word!r} may install another program"


CHECKS: dict[str, Callable[[list[str]], None]] = {
    "make": _check_make,
    "pgq": _check_pgq,
    "python": _check_python,
    "pip": _check_pip,
    "psql": lambda words: None,
    "flask": lambda words: None,
    "uvicorn": lambda words: None,
}


@pytest.mark.parametrize(("block", "words"), COMMANDS, ids=lambda value: getattr(value, "where", None))
def test_a_command_that_is_shown_exists(block: Block, words: list[str]) -> None:
    program, *rest = words
    if ">" in rest:
        rest = rest[: rest.index(">")]
    CHECKS[program.removeprefix(".venv/bin/")](rest)


def test_nothing_that_is_printed_installs_an_earlier_program_of_this_name() -> None:
    """The index has one, below this version, which pip prefers to none."""
    sources = [ROOT / "README.md", *(ROOT / "docs" / "guides").glob("*.md")]
    sources += [file for above in ("pg_scheduler", "adapters") for file in (ROOT / above).rglob("*.py")]
    for file in sources:
        for wanted in re.findall(
            r"pip install ['\"](pg-scheduler\[[^'\"]*)", file.read_text(encoding="utf-8")
        ):
            assert ">=" in wanted, f"{file}: {wanted}"


def test_the_checks_would_notice_what_does_not_exist() -> None:
    with pytest.raises(AssertionError):
        _check_make(["nonsense"])
    with pytest.raises(AssertionError):
        _check_make(["NONSENSE=1"])
    with pytest.raises(AssertionError):
        _check_pgq(["db", "nonsense"])
    with pytest.raises(click.UsageError):
        _check_pgq(["db", "sql", "--nonsense"])
    with pytest.raises(AssertionError):
        _check_pip(["install", ".[psycopg,nonsense]"])
    with pytest.raises(AssertionError):
        _check_pip(["install", "pg-scheduler[psycopg]"])


def test_the_benchmark_that_the_readme_names_is_one() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert "latency" in shown
