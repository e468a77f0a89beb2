"""What is generated is what is checked in, and the whole can be built."""

from __future__ import annotations

import importlib.util
import runpy
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from pg_scheduler.domain.states import TRANSITIONS
from pg_scheduler.domain.version import VERSION, install_command
from tests.docs.pages import ROOT


@pytest.fixture(scope="module")
def state_diagram() -> ModuleType:
    """docs/state_diagram.py, which is no package's module."""
    spec = importlib.util.spec_from_file_location("state_diagram", ROOT / "docs" / "state_diagram.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["state_diagram"] = module
    spec.loader.exec_module(module)
    return module


def test_the_state_diagram_is_the_one_of_the_transition_table(state_diagram: ModuleType) -> None:
    run = "run `.venv/bin/python docs/state_diagram.py`"
    page = state_diagram.PAGE.read_text(encoding="utf-8")
    assert state_diagram.PICTURE.read_text(encoding="utf-8") == state_diagram.picture(), run
    assert page == state_diagram.page_with_table(page), run


def test_the_state_diagram_shows_every_step(state_diagram: ModuleType) -> None:
    picture, table = state_diagram.picture(), state_diagram.table()
    for step in TRANSITIONS:
        assert str(step.event) in picture
        assert f"| `{step.source}` | {step.event} | `{step.target}` |" in table


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_documentation_builds_without_a_warning(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "-q", "--keep-going", "-d", tmp_path / "trees", "docs",
         tmp_path / "html"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    assert (tmp_path / "html" / "concepts.html").exists()
    broken, _ = runpy.run_path(str(ROOT / "docs" / "check_links.py"))["broken_links"](tmp_path / "html")
    assert not broken


def test_a_link_of_the_site_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<h1 id="top">x</h1><a href="b.html#sub">b</a><a href="#top">up</a>')
    (tmp_path / "b.html").write_text(
        '<a href="a.html#top">a</a><a href="c.html">c</a><a href="https://x.test/">x</a>'
    )
    broken_links = runpy.run_path(str(ROOT / "docs" / "check_links.py"))["broken_links"]
    assert broken_links(tmp_path) == (["a.html: b.html#sub", "b.html: c.html"], 1)


def test_every_page_that_names_the_version_names_this_one() -> None:
    for path, text in (
        ("README.md", f"Version {VERSION}."),
        ("docs/changelog.md", f"## {VERSION} "),
        ("docs/guides/running-workers.md", install_command("speed")),
    ):
        assert text in (ROOT / path).read_text(encoding="utf-8"), path


def test_the_text_of_an_attribute_is_not_taken_for_its_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """Napoleon reads what stands before a colon as a type, and moves it to the end."""
    napoleon = pytest.importorskip("sphinx.ext.napoleon")
    monkeypatch.setattr(napoleon, "_process_docstring", napoleon._process_docstring)
    runpy.run_path(str(ROOT / "docs" / "conf.py"))
    text = ["Rows that one claim may ask for: a bound."]
    napoleon._process_docstring(None, "attribute", "MOST_PER_CLAIM", None, None, text)
    assert text == ["Rows that one claim may ask for: a bound."]
