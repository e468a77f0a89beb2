"""The pages of the documentation, and the fenced blocks in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(?P<language>[\w{}-]*)[^\n]*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE_NAME = re.compile(r"# (?P<name>[\w/]+\.py)\n")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block."""

    page: Path
    line: int
    """Where its text begins, from 1."""
    language: str
    text: str

    @property
    def where(self) -> str:
        """``docs/guides/scheduling.md:12``."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def file_name(self) -> str | None:
        """The name of the file that the block shows, if its first line is a comment with one."""
        match = _FILE_NAME.match(self.text)
        return match["name"] if match else None

    @property
    def is_program(self) -> bool:
        """True for a file that does something when it is run."""
        return self.file_name is not None and '__name__ == "__main__"' in self.text

    @property
    def runs_until_stopped(self) -> bool:
        """True for a program that is a worker."""
        return self.is_program and "await scheduler.run(" in self.text

    @property
    def needs(self) -> str | None:
        """The one PostgreSQL library that the block names, if it names one."""
        named = [library for library in ("asyncpg", "psycopg") if re.search(rf"\b{library}\b", self.text)]
        return named[0] if len(named) == 1 else None


def pages() -> list[Path]:
    """README.md and everything under docs/, in the order of their names."""
    written = (page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts)
    return [ROOT / "README.md", *sorted(written)]


def name_of(page: Path) -> str:
    """The page as a test id."""
    return str(page.relative_to(ROOT))


@cache
def blocks(page: Path) -> tuple[Block, ...]:
    """The fenced blocks of a page, in their order."""
    text = page.read_text(encoding="utf-8")
    return tuple(
        Block(page, text.count("\n", 0, match.start("text")) + 1, match["language"], match["text"])
        for match in _FENCE.finditer(text)
    )


def all_blocks(*languages: str) -> list[Block]:
    """The blocks of these languages on all pages."""
    return [block for page in pages() for block in blocks(page) if block.language in languages]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))
