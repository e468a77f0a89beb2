"""How a worker looks for work: the configuration alone."""

from __future__ import annotations

import pytest

from pg_scheduler import ConfigurationError, PollingConfig


def test_the_defaults_poll_rarely_because_signals_and_a_timer_come_first() -> None:
    config = PollingConfig()
    assert config.interval > config.interval_without_listen
    assert config.listen


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("interval", 0),
        ("interval", -1),
        ("interval", 51),
        ("interval", float("nan")),
        ("interval", "5"),
        ("interval", None),
        ("interval", True),
        ("interval_without_listen", 0),
        ("interval_without_listen", float("inf")),
        ("interval_without_listen", 10**400),
        ("jitter", 0.6),
        ("jitter", -0.1),
        ("jitter", "some"),
        ("listen", "no"),
        ("listen", 0),
    ],
)
def test_a_setting_that_cannot_work_is_refused_by_its_name(field: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=f"polling {field}: expected"):
        PollingConfig(**{field: value})  # type: ignore[arg-type]
