"""The documents that fix the public API, where they are at hand, and the fenced blocks in them."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "shared" / "contract"
"""Next to the checkout. The documents are not part of the project."""
_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```[ ]*$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block, with the import root replaced and nothing else."""

    document: Path
    line: int
    """Where its text begins, from 1."""
    language: str
    text: str

    @property
    def where(self) -> str:
        """``2-scheduler-readme.md:12``."""
        return f"{self.document.name}:{self.line}"


def documents() -> list[Path]:
    """All of them, in order; none in a clone without the folder."""
    return sorted(FOLDER.glob("*.md"))


def blocks_of(document: Path) -> list[Block]:
    """The fenced blocks of a document, in order."""
    text = document.read_text(encoding="utf-8")
    return [
        Block(
            document,
            text.count("\n", 0, match.start("text")) + 1,
            match["language"].strip(),
            re.sub(r"\bpgqueuer\b", "pg_scheduler", textwrap.dedent(match["text"])),
        )
        for match in _FENCE.finditer(text)
    ]


def blocks(*languages: str) -> list[Block]:
    """The blocks of these languages in all documents."""
    return [block for document in documents() for block in blocks_of(document) if block.language in languages]
