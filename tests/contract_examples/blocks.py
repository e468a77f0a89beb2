"""The fenced blocks of the documents that fix the public API, where they stand beside the checkout."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[2].parent / "shared" / "contract"
_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>[\w{}]*)\n(?P<text>.*?)^(?P=indent)```", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block, with its import root changed to this project's."""

    document: str
    number: int
    language: str
    text: str

    @property
    def name(self) -> str:
        """For a test's id."""
        return f"{self.document}-{self.number}"


def blocks(language: str) -> list[Block]:
    """The blocks of one language, of all documents in order; none where there are no documents."""
    found = []
    for path in sorted(FOLDER.glob("*.md")) if FOLDER.is_dir() else []:
        for number, match in enumerate(_FENCE.finditer(path.read_text(encoding="utf-8"))):
            if match["language"] == language:
                text = textwrap.dedent(match["text"])
                found.append(
                    Block(path.stem, number, language, re.sub(r"\bpgqueuer\b", "pg_scheduler", text))
                )
    return found
