"""What an act says on the page that follows it, kept in a cookie for that one page."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from pg_scheduler_web.protection import set_cookie

COOKIE = "pg_scheduler_note"
LONGEST = 3000


@dataclass(frozen=True, slots=True)
class Note:
    """One sentence, and where to go from there."""

    text: str
    good: bool = True
    undo: str | None = None
    """What undoes the act, in words."""
    undo_path: str | None = None
    """Where: an act if there are fields, else a page."""
    undo_fields: dict[str, str] = field(default_factory=dict)
    undo_page: dict[str, str] = field(default_factory=dict)
    """The question that comes before undoing it, where there is one."""
    job: str | None = None
    """The job to look at next."""


def leave_note(response: Response, request: Request, note: Note) -> None:
    """Let the next page show it."""
    text = base64.urlsafe_b64encode(json.dumps(asdict(note)).encode()).decode()
    if len(text) > LONGEST:
        text = base64.urlsafe_b64encode(
            json.dumps(asdict(Note(note.text[:500], note.good))).encode()
        ).decode()
    set_cookie(response, request, COOKIE, text, age=60)


def note_of(request: Request) -> Note | None:
    """What the act before has left, if anything."""
    given = request.cookies.get(COOKIE)
    if not given:
        return None
    try:
        return Note(**json.loads(base64.urlsafe_b64decode(given)))
    except (ValueError, TypeError):
        return None


def forget_note(response: Response, request: Request) -> None:
    """It has been shown."""
    set_cookie(response, request, COOKIE, "", age=0)
