"""Acts on jobs: those that were ticked, or all that match."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from pg_scheduler.client.changing import AT_MOST
from pg_scheduler.domain.acts import ChangeAnswer, Changed
from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.domain.selection import Selection
from pg_scheduler_web.access import Access
from pg_scheduler_web.desk import Desk
from pg_scheduler_web.forms import Fields
from pg_scheduler_web.notes import Note
from pg_scheduler_web.screens.deeds import DEEDS, Deed
from pg_scheduler_web.search import wanted_of
from pg_scheduler_web.words import plural

_WORDS = {
    ChangeAnswer.PENDING: "waiting",
    ChangeAnswer.RUNNING: "running",
    ChangeAnswer.FINISHED: "ended",
    ChangeAnswer.DUPLICATE: "whose dedupe key an unfinished job has",
    ChangeAnswer.HELD: "held by somebody's open transaction",
    ChangeAnswer.NO_MATCH: "changed meanwhile",
    ChangeAnswer.UNKNOWN: "gone",
}
"""What keeps a job from being changed."""


async def retry(desk: Desk, access: Access, fields: Fields) -> Note:
    """Run jobs once more."""
    return await _change(desk, access, fields, DEEDS["retry"])


async def cancel(desk: Desk, access: Access, fields: Fields) -> Note:
    """Cancel jobs, and ask running ones to stop."""
    return await _change(desk, access, fields, DEEDS["cancel"])


async def reschedule(desk: Desk, access: Access, fields: Fields) -> Note:
    """Let jobs that wait start at another time."""
    return await _change(desk, access, fields, DEEDS["reschedule"])


async def delete(desk: Desk, access: Access, fields: Fields) -> Note:
    """Remove jobs."""
    return await _change(desk, access, fields, DEEDS["delete"])


async def _change(desk: Desk, access: Access, fields: Fields, deed: Deed) -> Note:
    ids, action = fields.all("id")[:AT_MOST], deed.action(fields)
    if ids:
        return _note(deed, await desk.client.change(ids, action, by=access.actor), ids)
    wanted, expected, as_of = await _matching(desk, access, fields)
    answer = await desk.client.change(wanted, action, expected=expected, as_of=as_of, by=access.actor)
    return _note(deed, answer, ())


async def _matching(desk: Desk, access: Access, fields: Fields) -> tuple[Selection, int, datetime | None]:
    """Which jobs are meant, how many the page showed, and when."""
    wanted, _ = wanted_of(fields, access, await desk.now())
    expected = fields.whole_number("expected")
    if expected is None:
        raise InvalidInput("expected", "is missing: how many jobs did the page show?")
    text = fields.get("as_of")
    try:
        return wanted, expected, None if text is None else datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput("as_of", "is no time") from None


def _note(deed: Deed, answer: Changed, ids: Sequence[str]) -> Note:
    met = Counter(_WORDS[one] for one in answer.answers.values() if not one.done)
    rest = ", ".join(f"{count:,} {words}" for words, count in sorted(met.items()))
    text = f"{plural(answer.affected, 'job')} {deed.done}."
    text += f" Left as they are: {rest}." if rest else ""
    text += " More match, and were left alone." if answer.left else ""
    undo = {}
    if deed.name == "cancel" and answer.audit_id is not None:
        undo = {"act": "retry", "q": f"audit:{answer.audit_id}"}
    single = ids[0] if len(ids) == 1 and deed.name != "delete" else None
    return Note(text, good=answer.affected > 0, job=single, undo="Undo" if undo else None, undo_page=undo)
