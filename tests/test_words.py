"""Words that are not used as names any more, and loggers that bear the names of their modules.

Every finding is printed as ``file:line: name: what to say instead``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PARTS: dict[str, str] = {
    "told": "what it is: settlement, future, callback, recorded",
    "said": "what it is: message, printed, reported",
    "asked": "requested, wanted, or what was requested",
}
"""Words that no name consists of, not even in part: ``_asked_at``, ``wasTold``; and what to say instead."""

WHOLE: dict[str, str] = {
    "over": "deadline, expired, or what has ended",
    "Ends": "CompletionWaiter",
    "Fate": "TransactionOutcome",
    "Home": "HandleBackend",
    "LAST_WORD": "NOTIFY_GRACE",
    "LINGER": "IDLE_TIMEOUT",
    "LowWater": "ClaimCursor",
    "Uncarried": "UnserializableResult",
    "_Line": "_DedicatedConnection",
    "_hurry": "_grace_expired",
    "_say_goodbye": "_deregister",
    "_wake_if_deaf": "_wake_without_listen",
    "by_order": "force",
    "disowned": "fenced_out",
    "finish_by_order": "override_status",
    "fruitless_looks": "empty_polls",
    "hasten": "force_stop",
    "held_back_if_this_fails": "pausing_claims_on_failure",
    "learn": "try_import",
    "stored_anew": "id_was_reused",
    "strays": "orphaned_claims",
    "submit_surely": "submit_with_retry",
    "teller": "writer",
}
"""Whole names that were given up, and their successors."""

SQL_KEYWORDS = {"over"}
"""What is a name in Python and a word of the language in SQL."""

Found = tuple[int, str]
"""A line, and a name that stands in it."""


def parts(name: str) -> list[str]:
    """The words of a name, in lower case: ``_toldEpoch`` is told and epoch."""
    return [part.lower() for part in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)]


def instead(name: str) -> str | None:
    """What to say instead of a name; None for a good one. Tests' names are sentences of any words."""
    if name.startswith("test_"):
        return None
    if name in WHOLE:
        return WHOLE[name]
    return next((PARTS[part] for part in parts(name) if part in PARTS), None)


def names_bound(tree: ast.Module) -> Iterator[Found]:
    """Every name that a module gives to something: classes, functions, arguments, variables, attributes."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.lineno, node.name
            case ast.arg():
                yield node.lineno, node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.lineno, node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.lineno, node.attr
            case ast.alias(asname=str()):
                yield node.lineno, str(node.asname)
            case ast.ExceptHandler(name=str()) | ast.MatchAs(name=str()) | ast.MatchStar(name=str()):
                yield node.lineno, str(node.name)


def names_in_sql(text: str) -> Iterator[Found]:
    """Every word of a statement outside of comments and literals."""
    for number, line in enumerate(text.splitlines(), 1):
        code = re.sub(r"'[^']*'", "", line.partition("--")[0])
        for name in re.findall(r"\w+", code):
            if name.lower() not in SQL_KEYWORDS:
                yield number, name


def retired_words(path: str, text: str) -> Iterator[Found]:
    """Names that must go, of the file itself too."""
    yield from [(1, Path(path).stem)]
    yield from names_in_sql(text) if path.endswith(".sql") else names_bound(ast.parse(text, path))


def findings(root: Path) -> list[str]:
    """Every retired name of the product as ``file:line: name: what to say instead``."""
    found = []
    for file in _files(root, "*.py", "*.sql"):
        path = file.relative_to(root).as_posix()
        for line, name in retired_words(path, file.read_text(encoding="utf-8")):
            if better := instead(name):
                found.append(f"{path}:{line}: {name}: {better}")
    return found


def wrong_loggers(root: Path) -> list[str]:
    """Loggers of the core that do not bear their module's name, and names that are not dotted words."""
    found = []
    for file in _files(root, "*.py"):
        path = file.relative_to(root).as_posix()
        module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for line, name in _loggers(ast.parse(file.read_text(encoding="utf-8"), path)):
            own = name in ("__name__", module) or name.endswith(".__module__")
            plain = re.fullmatch(r"[a-z_.]+", name) is not None
            if not (own if path.startswith("pg_scheduler/") else plain):
                found.append(f"{path}:{line}: {name}: {module}")
    return found


def _loggers(tree: ast.Module) -> Iterator[Found]:
    """The argument of every call of `getLogger`: a text as it is, anything else as it is written."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("getLogger"):
            for name in node.args:
                yield node.lineno, str(name.value) if isinstance(name, ast.Constant) else ast.unparse(name)


def _files(root: Path, *patterns: str) -> list[Path]:
    return sorted(
        file
        for folder in ("pg_scheduler", "adapters")
        for pattern in patterns
        for file in (root / folder).rglob(pattern)
    )


def test_no_retired_word_is_a_name() -> None:
    assert findings(ROOT) == []


def test_a_logger_bears_the_name_of_its_module() -> None:
    assert wrong_loggers(ROOT) == []


@pytest.mark.parametrize(
    ("file", "text", "name"),
    [
        ("x.py", "told = 1", "told"),
        ("x.py", "class Asked: ...", "Asked"),
        ("x.py", "def f(*, said): ...", "said"),
        ("x.py", "def saidTwice(): ...", "saidTwice"),
        ("x.py", "self._asked_at = 1", "_asked_at"),
        ("x.py", "over: float = 1", "over"),
        ("x.py", "for over in (): ...", "over"),
        ("x.py", "import os as over", "over"),
        ("x.py", "[0 for told in ()]", "told"),
        ("x.py", "class Fate: ...", "Fate"),
        ("x.sql", "SELECT told_epoch", "told_epoch"),
        ("x.sql", "SELECT :said::text -- why", "said"),
        ("asked.py", "", "asked"),
    ],
)
def test_a_retired_word_is_found_and_its_place_is_shown(
    tmp_path: Path, file: str, text: str, name: str
) -> None:
    """The control: each kind of name is seen."""
    line = _write(tmp_path, f"adapters/{file}", text)
    assert findings(tmp_path) == [f"adapters/{file}:{line if text else 1}: {name}: {instead(name)}"]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("x.py", "found = overlap = moreover = 1"),
        ("x.py", '"""Whoever asked is told."""'),
        ("x.py", "print(thing.told)  # a stranger's attribute"),
        ("x.sql", "SELECT count(*) OVER () -- who asked"),
        ("x.sql", "SELECT 'told'"),
        ("x.py", "def test_whoever_asked_is_told(): ..."),
    ],
)
def test_other_words_are_free(tmp_path: Path, file: str, text: str) -> None:
    _write(tmp_path, f"pg_scheduler/{file}", text)
    assert findings(tmp_path) == []


LOG: Callable[[str], str] = "log = logging.getLogger({})".format


@pytest.mark.parametrize(
    ("file", "name", "wrong"),
    [
        ("pg_scheduler/engine/x.py", "__name__", False),
        ("pg_scheduler/engine/x.py", "a_round.__module__", False),
        ("pg_scheduler/engine/x.py", "'pg_scheduler.engine.x'", False),
        ("pg_scheduler/engine/x.py", "'pg_scheduler.engine.y'", True),
        ("pg_scheduler/engine/x.py", "f'pg_scheduler.{name}'", True),
        ("adapters/x.py", "'pg_scheduler.loop watch'", True),
        ("adapters/x.py", "'pg_scheduler.postgres.x'", False),
    ],
)
def test_a_logger_with_a_name_of_its_own_is_found(tmp_path: Path, file: str, name: str, wrong: bool) -> None:
    line = _write(tmp_path, file, LOG(name))
    assert [one.startswith(f"{file}:{line}: ") for one in wrong_loggers(tmp_path)] == [True] * wrong


def _write(root: Path, path: str, text: str) -> int:
    """Write a file; the line at which the text stands."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"\n\n{text}\n")
    return 3
