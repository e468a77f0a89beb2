"""@periodic: what it refuses at decoration, and what it says about the functions it has."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import shutil
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pg_scheduler import (
    InvalidInput,
    JobPriority,
    PeriodicJobConfig,
    Scheduler,
    TaskNameConflict,
    periodic,
    task,
)
from pg_scheduler.testing import MemoryDriver

MINUTE = timedelta(minutes=1)


async def tidy() -> str:
    return "tidied"


def plain() -> None:
    """Not async."""


def known() -> dict[str, PeriodicJobConfig]:
    return Scheduler(MemoryDriver()).get_periodic_jobs()


def test_the_documented_parameters_stand_in_the_documented_order() -> None:
    parameters = list(inspect.signature(periodic).parameters.values())
    positional = [one.name for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
    assert positional == [
        "every", "cron", "timezone", "use_advisory_lock", "priority", "max_retries", "job_name",
        "dedup_key", "enabled",
    ]  # fmt: skip
    defaults = [one.default for one in parameters[:9]]
    assert defaults == [None, None, None, False, JobPriority.NORMAL, 0, None, None, True]
    periodic(MINUTE, None, None, True, JobPriority.HIGH, 2, "name", "key", False)(tidy)
    config = known()["key"]
    assert (config.use_advisory_lock, config.priority, config.max_retries) == (True, JobPriority.HIGH, 2)
    assert (config.job_name, config.enabled) == ("name", False)


async def test_the_function_stays_callable() -> None:
    assert periodic(every=MINUTE)(tidy) is tidy
    assert await tidy() == "tidied"


@pytest.mark.parametrize(
    ("settings", "kind", "words"),
    [
        ({}, ValueError, "Either .* must be"),
        ({"every": MINUTE, "cron": "@daily"}, ValueError, "both"),
        ({"every": MINUTE, "timezone": "UTC"}, ValueError, "timezone .*cron"),
        ({"cron": "@daily", "timezone": "Nowhere/Here"}, ValueError, "Invalid timezone"),
        ({"cron": "@daily", "timezone": "../../etc/passwd"}, ValueError, "Invalid timezone"),
        ({"cron": "@daily", "timezone": 5}, ValueError, "Invalid timezone"),
        ({"cron": "* * *"}, ValueError, "fields"),
        ({"cron": "99 * * * *"}, ValueError, "cron"),
        ({"cron": "0 0 31 2 *"}, ValueError, "never"),
        ({"cron": 5}, ValueError, "cron"),
        ({"every": 60}, ValueError, "every"),
        ({"every": timedelta(0)}, ValueError, "every"),
        ({"every": timedelta.max}, ValueError, "every"),
        ({"every": MINUTE, "priority": "urgent"}, ValueError, "priority"),
        ({"every": MINUTE, "max_retries": -1}, ValueError, "max_retries"),
        ({"every": MINUTE, "max_retries": True}, ValueError, "max_retries"),
        ({"every": MINUTE, "dedup_key": ""}, ValueError, "key"),
        ({"every": MINUTE, "dedup_key": "nul\0"}, ValueError, "key"),
        ({"every": MINUTE, "overlap": "sometimes"}, ValueError, "overlap"),
        ({"every": MINUTE, "catch_up": "some"}, ValueError, "catch_up"),
        ({"every": MINUTE, "catch_up_limit": 0}, ValueError, "catch_up"),
        ({"every": MINUTE, "jitter": -MINUTE}, ValueError, "jitter"),
        ({"every": MINUTE, "misfire_grace_time": -1}, ValueError, "misfire_grace_time"),
        ({"every": MINUTE, "timeout": 0}, ValueError, "timeout"),
        ({"every": MINUTE, "lock_contention": "fight"}, ValueError, "lock_contention"),
        ({"cron": "@daily", "dst_gap": "jump"}, ValueError, "dst_gap"),
        ({"cron": "@daily", "dst_overlap": "last"}, ValueError, "dst_overlap"),
        ({"every": MINUTE, "retry": 3}, ValueError, "retry"),
        ({"cron": "@daily", "anchor": "noon"}, ValueError, "anchor"),
    ],
)
def test_what_is_wrong_is_wrong_at_decoration(settings: dict[str, Any], kind: type, words: str) -> None:
    with pytest.raises(kind, match=words) as refused:
        periodic(**settings)(tidy)
    assert isinstance(refused.value, InvalidInput)
    assert known() == {}


@pytest.mark.parametrize("wrong", [plain, lambda: None, len, "tidy", None])
def test_only_async_functions_are_run(wrong: Any) -> None:
    with pytest.raises(TypeError, match="async functions"):
        periodic(every=MINUTE)(wrong)
    assert known() == {}


def test_a_plain_function_with_an_executor_of_its_own_will_do() -> None:
    periodic(every=MINUTE, dedup_key="key")(task(executor="thread")(_plain_copy()))
    assert list(known()) == ["key"]


def test_a_bad_job_name_is_refused() -> None:
    with pytest.raises(InvalidInput, match="job_name"):
        periodic(every=MINUTE, job_name="nul\0")(tidy)


def test_configs_hold_what_the_decorator_was_told() -> None:
    periodic(cron="0 3 * * SUN", timezone="America/New_York", priority=JobPriority.LOW)(tidy)
    ((key, config),) = known().items()
    assert config.func is tidy
    assert (config.cron, config.interval) == ("0 3 * * SUN", None)
    assert config.timezone == ZoneInfo("America/New_York")
    assert (config.priority, config.max_retries, config.enabled) == (JobPriority.LOW, 0, True)
    assert (config.job_name, config.dedup_key) == ("periodic_tidy", key)


def test_a_config_without_a_zone_says_none() -> None:
    periodic(cron="@daily")(tidy)
    assert [config.timezone for config in known().values()] == [None]


@pytest.mark.parametrize("zone", ["Europe/London", ZoneInfo("Europe/London")])
def test_a_zone_may_be_a_name_or_a_zone(zone: str | ZoneInfo) -> None:
    periodic(cron="@daily", timezone=zone)(tidy)
    assert [config.timezone for config in known().values()] == [ZoneInfo("Europe/London")]


@pytest.mark.parametrize(
    ("settings", "identity"),
    [
        ({"every": timedelta(minutes=15)}, "interval:900.0"),
        ({"every": timedelta(seconds=1.5)}, "interval:1.5"),
        ({"cron": "0 0 * * *"}, "cron:0 0 * * *:tz:UTC"),
        ({"cron": "@daily", "timezone": "Europe/Paris"}, "cron:@daily:tz:Europe/Paris"),
    ],
)
def test_the_key_is_the_documented_digest(settings: dict[str, Any], identity: str) -> None:
    periodic(**settings)(tidy)
    digest = hashlib.sha256(f"{tidy.__module__}.tidy:{identity}".encode()).hexdigest()
    assert list(known()) == [digest[:16]]


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("<cell 1>", "async def other():\n    return 1"),
        ("<cell 1>", "# an edited one\nasync def other():\n    pass"),
        ("<stdin>", "async def other():\n    return 1"),
    ],
)
def test_a_function_defined_anew_replaces_its_earlier_definition(file: str, source: str) -> None:
    """An edited cell of a notebook, whose file name is a digest of its text; or a session's next line 1."""
    for every, name, text in (
        (MINUTE, "<stdin>", "async def other():\n    pass"),
        (2 * MINUTE, file, source),
    ):
        periodic(every=every)(_of_cell(name, text))
    assert [config.interval for config in known().values()] == [2 * MINUTE]


def test_an_edited_module_that_is_reloaded_replaces_its_functions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever they stand in it now."""
    monkeypatch.syspath_prepend(tmp_path)
    name, source = "reloaded_tasks", "from pg_scheduler import periodic\n"
    source += "@periodic(cron='@daily')\nasync def nightly():\n    pass\n"
    (tmp_path / f"{name}.py").write_text(source)
    importlib.invalidate_caches()
    module = importlib.import_module(name)
    try:
        (tmp_path / f"{name}.py").write_text(f"# edited\n{source}")
        shutil.rmtree(tmp_path / "__pycache__", ignore_errors=True)
        importlib.reload(module)
        assert [config.func for config in known().values()] == [module.nightly]
    finally:
        sys.modules.pop(name)


def test_one_function_may_have_two_schedules() -> None:
    periodic(every=MINUTE)(periodic(cron="@daily")(tidy))
    assert [(config.interval, config.cron) for config in known().values()] == [
        (None, "@daily"),
        (MINUTE, None),
    ]


def test_two_functions_cannot_share_a_job_name_or_a_key() -> None:
    periodic(every=MINUTE, job_name="name", dedup_key="key")(tidy)
    with pytest.raises(TaskNameConflict, match="job_name"):
        periodic(every=MINUTE, job_name="name")(_defined())
    with pytest.raises(InvalidInput, match="dedup_key"):
        periodic(every=MINUTE, dedup_key="key")(_defined())
    assert [config.func for config in known().values()] == [tidy]


def test_the_listing_is_a_copy() -> None:
    periodic(every=MINUTE)(tidy)
    known().clear()
    assert len(known()) == 1


def _defined() -> Callable[..., Any]:
    async def other() -> None:
        """Anew at every call, side by side with the earlier ones."""

    return other


def _of_cell(file: str, source: str) -> Any:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, file, "exec"), names)
    return names["other"]


def _plain_copy() -> Callable[..., Any]:
    def sweep() -> None:
        """Not async."""

    return sweep
