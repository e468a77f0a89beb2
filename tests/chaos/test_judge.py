"""The judge sees what went wrong: hand-made histories, one for each way to break a promise."""

from __future__ import annotations

from dataclasses import replace

from tests.chaos.crew import Fault, FaultKind
from tests.chaos.journal import Entry, Line
from tests.chaos.judge import Findings, judge
from tests.chaos.table import LostLease, Row

ANN, BOB = 100, 200
"""Two workers, by their pids."""


def line(at: float, entry: Entry, epoch: int, pid: int, event: str = "complete") -> Line:
    return Line(at, entry, "job", epoch, f"worker{pid}", pid, event)


def row(status: str = "completed", epoch: int = 1, pid: int = ANN, finished_at: float | None = 2.5) -> Row:
    return Row("job", status, epoch, f"worker{pid}", finished_at)


FIRST_TRY = [line(1, Entry.START, 1, ANN), line(2, Entry.END, 1, ANN), line(3, Entry.ACCEPTED, 1, ANN)]
TAKEN_OVER = [
    line(1, Entry.START, 1, ANN),
    line(4, Entry.START, 2, BOB),
    line(5, Entry.END, 2, BOB),
    line(6, Entry.ACCEPTED, 2, BOB),
]
KILL = Fault(FaultKind.KILL, ANN, 1.5)
PAUSE = Fault(FaultKind.PAUSE, ANN, 1.5, 6.5)


def found(lines: list[Line], stored: Row | None, *faults: Fault) -> Findings:
    return judge(["job"], {} if stored is None else {"job": stored}, lines, faults)


def test_a_job_that_ran_once_and_is_completed_is_no_finding() -> None:
    findings = found(FIRST_TRY, row())
    assert (findings.lost, findings.stranded, findings.extra, findings.stale) == (0, 0, 0, 0)
    assert findings.starts == 1


def test_a_job_that_is_gone_failed_or_expired_is_lost() -> None:
    assert found([], None).lost == 1
    assert found([], row("failed")).lost == 1
    assert found([], row("expired")).lost == 1


def test_a_job_left_pending_or_running_is_stranded_not_lost() -> None:
    for status in ("pending", "running"):
        findings = found([], row(status))
        assert (findings.stranded, findings.lost) == (1, 0)


def test_a_second_start_after_a_kill_is_explained_and_within_the_bound() -> None:
    findings = found(TAKEN_OVER, row(epoch=2, pid=BOB, finished_at=5.5), KILL)
    assert (findings.extra, findings.in_flight, findings.unexplained) == (1, 1, 0)


def test_recovery_lasts_from_the_kill_until_the_job_is_free_and_then_it_queues() -> None:
    lost = {("job", 1): LostLease(f"worker{ANN}", 3.5, 1)}
    stored = {"job": row(epoch=2, pid=BOB, finished_at=5.5)}
    findings = judge(["job"], stored, TAKEN_OVER, [KILL], lost)
    assert (findings.recovery_max, findings.queued_max) == (3.5 - KILL.began, 0.5)


def test_seconds_in_which_no_worker_was_up_are_no_recovery() -> None:
    lost = {("job", 1): LostLease(f"worker{ANN}", 6.5, 1)}
    lines = [*TAKEN_OVER[:1], line(0.5, Entry.READY, 0, BOB), line(5, Entry.READY, 0, 300)]
    faults = [KILL, Fault(FaultKind.KILL, BOB, 2)]
    findings = judge(["job"], {"job": row("running")}, lines, faults, lost)
    # From 1.5 to 6.5, and nobody was there from 2 to 5.
    assert (findings.recovery_max, findings.recovery_in_all) == (2, 5)


def test_each_death_in_a_row_is_a_recovery_of_its_own() -> None:
    lost = {("job", 1): LostLease(f"worker{ANN}", 3.5, 1), ("job", 2): LostLease(f"worker{BOB}", 6, 3.6)}
    lines = [TAKEN_OVER[0], line(3.6, Entry.UP, 0, BOB), line(7, Entry.START, 3, 300)]
    kills = [KILL, Fault(FaultKind.KILL, BOB, 4)]
    assert judge(["job"], {"job": row("running", 3)}, lines, kills, lost).recovery_max == 2


def test_an_attempt_is_in_flight_from_its_claim_on() -> None:
    lines = [line(7, Entry.START, 1, ANN), line(4, Entry.START, 2, BOB), line(5, Entry.END, 2, BOB)]
    stored = {"job": row(epoch=2, pid=BOB, finished_at=5.5)}
    for claimed, unexplained in ((1.4, 0), (1.6, 1)):
        lost = {("job", 1): LostLease(f"worker{ANN}", 3.5, claimed)}
        assert judge(["job"], stored, lines, [PAUSE], lost).unexplained == unexplained


def test_what_a_worker_began_although_it_was_told_to_leave_is_explained_but_after_a_kill_it_is_not() -> None:
    stored = row(epoch=2, pid=BOB, finished_at=5.5)
    for kind, unexplained in ((FaultKind.TERM, 0), (FaultKind.KILL, 1)):
        assert found(TAKEN_OVER, stored, Fault(kind, ANN, 0.9)).unexplained == unexplained


def test_a_second_start_without_a_fault_is_unexplained() -> None:
    stored = row(epoch=2, pid=BOB, finished_at=5.5)
    assert found(TAKEN_OVER, stored).unexplained == 1
    other_worker_killed = replace(KILL, pid=BOB, began=0.5)
    assert found(TAKEN_OVER, stored, other_worker_killed).unexplained == 1


def test_a_second_start_of_what_had_been_settled_before_the_kill_is_unexplained() -> None:
    lines = [*FIRST_TRY, line(5, Entry.START, 2, BOB)]
    assert found(lines, row(epoch=2, pid=BOB), replace(KILL, began=4)).unexplained == 1


def test_two_starts_under_one_lease_are_unexplained() -> None:
    lines = [line(1, Entry.START, 1, ANN), line(1.2, Entry.START, 1, ANN)]
    assert found(lines, row("running"), KILL).unexplained == 1


def test_a_retry_that_the_job_asked_for_is_no_extra_start() -> None:
    lines = [
        line(1, Entry.START, 1, ANN),
        line(2, Entry.FAIL, 1, ANN),
        line(3, Entry.ACCEPTED, 1, ANN, "retry"),
        line(4, Entry.START, 2, BOB),
        line(5, Entry.END, 2, BOB),
    ]
    assert found(lines, row(epoch=2, pid=BOB, finished_at=5.5)).extra == 0


def test_a_row_completed_before_its_own_attempt_ended_was_completed_by_a_stale_one() -> None:
    too_early = row(epoch=2, pid=BOB, finished_at=4.5)
    assert found(TAKEN_OVER, too_early, PAUSE).stale == 1


def test_a_row_completed_while_its_latest_attempt_had_failed_was_completed_by_a_stale_one() -> None:
    lines = [
        line(1, Entry.START, 1, ANN),
        line(4, Entry.START, 2, BOB),
        line(5, Entry.FAIL, 2, BOB),
        line(7, Entry.END, 1, ANN),
    ]
    assert found(lines, row(epoch=2, pid=ANN, finished_at=7.5), PAUSE).stale == 1


def test_a_completion_accepted_for_an_epoch_that_is_not_the_rows_is_stale() -> None:
    lines = [*TAKEN_OVER, line(7, Entry.END, 1, ANN), line(8, Entry.ACCEPTED, 1, ANN)]
    assert found(lines, row(epoch=2, pid=BOB, finished_at=5.5), PAUSE).stale == 1


def test_a_refused_completion_is_counted_and_does_no_harm() -> None:
    lines = [*TAKEN_OVER, line(7, Entry.END, 1, ANN), line(8, Entry.REFUSED, 1, ANN)]
    findings = found(lines, row(epoch=2, pid=BOB, finished_at=5.5), PAUSE)
    assert (findings.refused, findings.stale) == (1, 0)


def test_a_late_completion_of_a_job_that_nobody_took_over_counts() -> None:
    lines = [line(1, Entry.START, 1, ANN), line(7, Entry.END, 1, ANN), line(8, Entry.ACCEPTED, 1, ANN)]
    findings = found(lines, row(finished_at=7.5), PAUSE)
    assert (findings.late, findings.stale, findings.extra) == (1, 0, 0)


def test_a_journal_line_survives_being_written_and_read() -> None:
    written = line(1.25, Entry.ACCEPTED, 3, ANN, "confirm cancel")
    assert Line.of(written.text()) == replace(written, event="confirm_cancel")
