"""Planning a submission: which rows go to the store, and what its answers mean."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pg_scheduler import ConflictResolution, JobAlreadyExists
from pg_scheduler.domain.conflict import Submission, answers_in_order, rows_to_send
from pg_scheduler.domain.model import NewJob

RAISE, IGNORE, REPLACE = ConflictResolution.RAISE, ConflictResolution.IGNORE, ConflictResolution.REPLACE
ids = st.lists(st.sampled_from("abcdef"), max_size=12)


def jobs_of(job_ids: Sequence[str], keys: Sequence[str | None] = ()) -> list[NewJob]:
    """Jobs of these ids, some of them with dedupe keys."""
    due = datetime(2030, 1, 1, tzinfo=UTC)
    padded = [*keys, *[None] * len(job_ids)]
    return [NewJob(one, "task", due, "{}", dedupe_key=key) for one, key in zip(job_ids, padded, strict=False)]


def one_by_one(
    job_ids: Sequence[str], stored: set[str], conflict: ConflictResolution
) -> tuple[list[Submission], dict[str, int]]:
    """What submitting each job in a call of its own answers, and which position's definition each row has
    in the end: the meaning that a batch must keep."""
    answers, kept = [], dict.fromkeys(stored, -1)
    for position, job_id in enumerate(job_ids):
        if job_id not in kept:
            answers.append(Submission.INSERTED)
        elif conflict is REPLACE:
            answers.append(Submission.REPLACED)
        else:
            answers.append(Submission.IGNORED)
            continue
        kept[job_id] = position
    return answers, kept


def in_one_call(
    job_ids: Sequence[str], stored: set[str], conflict: ConflictResolution
) -> tuple[list[Submission], dict[str, int]]:
    """The same with the functions under test around a store that is a dict."""
    sent = rows_to_send(jobs_of(job_ids), conflict)
    told, kept = {}, dict.fromkeys(stored, -1)
    for position in sent:
        job_id = job_ids[position]
        if job_id in stored and conflict is IGNORE:
            continue
        told[job_id] = Submission.REPLACED if job_id in stored else Submission.INSERTED
        kept[job_id] = position
    return answers_in_order(job_ids, sent, told, conflict), kept


def test_the_strategies_have_their_documented_values() -> None:
    assert [strategy.value for strategy in ConflictResolution] == ["raise", "ignore", "replace"]


@given(ids, st.sets(st.sampled_from("abcdef")), st.sampled_from([IGNORE, REPLACE]))
def test_one_call_leaves_the_rows_that_many_calls_would(
    job_ids: list[str], stored: set[str], conflict: ConflictResolution
) -> None:
    assert in_one_call(job_ids, stored, conflict)[1] == one_by_one(job_ids, stored, conflict)[1]


@given(ids, st.sets(st.sampled_from("abcdef")))
def test_ignoring_answers_as_many_calls_would(job_ids: list[str], stored: set[str]) -> None:
    assert in_one_call(job_ids, stored, IGNORE)[0] == one_by_one(job_ids, stored, IGNORE)[0]


@given(ids, st.sampled_from([IGNORE, REPLACE]))
def test_rows_are_sent_in_id_order_and_each_id_once(job_ids: list[str], conflict: ConflictResolution) -> None:
    sent = [job_ids[position] for position in rows_to_send(jobs_of(job_ids), conflict)]
    assert sent == sorted(set(job_ids))


@given(ids)
def test_raising_refuses_repeated_ids_and_names_each_once(job_ids: list[str]) -> None:
    repeated = [job_id for at, job_id in enumerate(job_ids) if job_id in job_ids[:at]]
    if not repeated:
        assert len(rows_to_send(jobs_of(job_ids), RAISE)) == len(job_ids)
        return
    with pytest.raises(JobAlreadyExists, match="already exist") as refused:
        rows_to_send(jobs_of(job_ids), RAISE)
    assert refused.value.job_ids == tuple(dict.fromkeys(repeated))


def test_of_repeated_ids_ignore_keeps_the_first_and_replace_the_last() -> None:
    assert rows_to_send(jobs_of(["b", "a", "b"]), IGNORE) == [1, 0]
    assert rows_to_send(jobs_of(["b", "a", "b"]), REPLACE) == [1, 2]


def test_nothing_to_submit_is_nothing_to_send() -> None:
    for conflict in ConflictResolution:
        assert rows_to_send([], conflict) == []
        assert answers_in_order([], [], {}, conflict) == []


def test_the_refusal_of_one_id_says_already_exists_and_what_to_do() -> None:
    error = JobAlreadyExists(["nightly"])
    assert isinstance(error, ValueError)
    assert "'nightly' already exists" in str(error)
    assert "IGNORE" in str(error)
    assert "REPLACE" in str(error)


def test_the_refusal_of_many_ids_shows_five_and_counts_the_rest() -> None:
    error = JobAlreadyExists([f"job {number}" for number in range(12)])
    assert "'job 4' and 7 more already exist" in str(error)
    assert len(error.job_ids) == 12


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=8), st.randoms(use_true_random=False))
def test_calls_with_the_same_dedupe_keys_send_them_in_the_same_order(keys: list[str], random: Random) -> None:
    """Each waits for the keys of the other: in different orders they would wait for ever."""
    ids = [f"id {number}" for number in range(len(keys))]
    shuffled = random.sample(keys, len(keys))
    orders = []
    for given_keys in (keys, shuffled):
        jobs = jobs_of(ids, given_keys)
        orders.append([jobs[position].dedupe_key for position in rows_to_send(jobs, IGNORE)])
    assert orders[0] == orders[1] == sorted(keys)


def test_of_jobs_with_one_dedupe_key_the_first_is_sent_first() -> None:
    assert rows_to_send(jobs_of(["1", "2", "3"], ["b", "a", "b"]), IGNORE) == [1, 0, 2]
