"""When a worker looks for jobs that were leased to it and of which it does not know."""

from __future__ import annotations

from pg_scheduler.engine.claiming.claim_doubt import ClaimDoubt
from pg_scheduler.testing import ManualClock

LEASE = 60.0


def test_nobody_looks_without_a_failed_claim() -> None:
    doubt = ClaimDoubt(ManualClock(), LEASE)
    assert (doubt.exists, doubt.look_is_due) == (False, False)


async def test_a_claim_that_takes_effect_late_is_found_until_its_lease_is_over() -> None:
    clock = ManualClock()
    doubt = ClaimDoubt(clock, LEASE)
    doubt.claim_failed()
    looks = []
    for second in range(120):
        if doubt.look_is_due:
            looks.append(second)
            doubt.looked(all_given_back=True)
        await clock.advance(1)
    assert looks == [0, 1, 3, 7, 15, 31, 63]
    assert not doubt.exists


def test_what_somebody_holds_is_looked_for_again_at_once() -> None:
    doubt = ClaimDoubt(ManualClock(), LEASE)
    doubt.claim_failed()
    doubt.looked(all_given_back=False)
    assert doubt.look_is_due


async def test_a_second_failure_begins_anew() -> None:
    clock = ManualClock()
    doubt = ClaimDoubt(clock, LEASE)
    doubt.claim_failed()
    doubt.looked(all_given_back=True)
    await clock.advance(50)
    doubt.claim_failed()
    assert doubt.look_is_due
    await clock.advance(50)
    doubt.looked(all_given_back=True)
    assert doubt.exists
