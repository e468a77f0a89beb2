"""Which of Django's tests say nothing of a backend like ours, and why."""

from __future__ import annotations

BLOCKS = "it looks at the backend in an event loop without awaiting it, which Django refuses of a database"

DOES_NOT_APPLY = {
    "DummyBackendTestCase.test_refresh_result": "it changes what the DummyBackend keeps in memory",
    "DummyBackendTestCase.test_refresh_result_async": "it changes what the DummyBackend keeps in memory",
    "ImmediateBackendTestCase.test_throws_keyboard_interrupt": "nobody presses Ctrl-C in a worker's thread",
    "ImmediateBackendTestCase.test_cannot_get_result": "ours can",
    "ImmediateBackendTestCase.test_cannot_refresh_result": "ours can",
    "ImmediateBackendTestCase.test_cannot_pass_run_after": "ours takes it",
    "TaskTestCase.test_enqueue_task_async": BLOCKS,
    "TaskTestCase.test_get_missing_result": BLOCKS,
    "DummyBackendTestCase.test_get_missing_result": BLOCKS,
    "TaskTestCase.test_refresh_result": BLOCKS,
    "DummyBackendTestCase.test_enqueue_task_async": BLOCKS,
}
"""By class and name."""
