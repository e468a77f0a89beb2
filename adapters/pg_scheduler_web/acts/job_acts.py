"""Acts on jobs: those that were ticked, or all that match."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pg_scheduler.client.job_client import STOPPED
from pg_scheduler.client.retry_answer import RetryAnswer
from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler_web.access import Access
from pg_scheduler_web.desk import Desk
from pg_scheduler_web.forms import Fields
from pg_scheduler_web.notes import Note
from pg_scheduler_web.screens.confirm import DEEDS, MOST, Deed
from pg_scheduler_web.search import wanted_of
from pg_scheduler_web.words import plural


async def retry(desk: Desk, access: Access, fields: Fields) -> Note:
    """Run jobs once more."""
    ids = await _chosen(desk, fields, DEEDS["retry"])
    met = Counter(await desk.client.retry(ids, by=access.actor))
    done = met.pop(RetryAnswer.RETRIED, 0)
    text = f"{plural(done, 'job')} will run again."
    return _note(text, done, {str(answer): count for answer, count in met.items()}, ids)


async def cancel(desk: Desk, access: Access, fields: Fields) -> Note:
    """Cancel jobs, and ask running ones to stop."""
    ids = await _chosen(desk, fields, DEEDS["cancel"])
    met = Counter(await desk.client.cancel(ids, by=access.actor))
    done = sum(met.pop(answer, 0) for answer in STOPPED)
    text = f"{plural(done, 'job')} cancelled."
    return _note(text, done, {str(answer): count for answer, count in met.items()}, ids)


async def _chosen(desk: Desk, fields: Fields, deed: Deed) -> list[str]:
    ids = fields.all("id")
    if ids:
        return ids[:MOST]
    wanted, _ = wanted_of(fields, await desk.now())
    narrowed = wanted.only(deed.possible)
    expected = fields.whole_number("expected")
    if expected is None:
        raise InvalidInput("expected", "is missing: how many jobs did the page show?")
    await desk.client.open()
    found = (
        []
        if narrowed is None
        else await desk.driver.insight.jobs(**narrowed.criteria, newest_first=True, limit=MOST + 1)
    )
    if min(len(found), MOST) > expected:
        raise InvalidInput("expected", f"{len(found)} jobs match by now, and you saw {expected}: look again")
    return [job.job_id for job in found[:MOST]]


def _note(text: str, done: int, others: dict[str, int], ids: Sequence[str]) -> Note:
    rest = ", ".join(f"{count:,} {answer}" for answer, count in sorted(others.items()))
    text += f" Left as they are: {rest}." if rest else ""
    return Note(text, good=done > 0, job=ids[0] if len(ids) == 1 else None)
