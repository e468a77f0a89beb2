"""Which of Django's tests say nothing of a backend like ours, and why."""

from __future__ import annotations

DOES_NOT_APPLY = {
    "test_throws_keyboard_interrupt": "nobody presses Ctrl-C in a worker's thread",
    "test_cannot_get_result": "ours can",
    "test_cannot_refresh_result": "ours can",
    "test_cannot_pass_run_after": "ours takes it",
    "test_doesnt_wait_until_transaction_commit_by_default": "ours is part of the transaction",
}
"""By the name of the test."""
