"""Sphinx: Markdown pages, docstrings as the reference."""

from __future__ import annotations

from typing import Any

from sphinx.ext import napoleon

from pg_scheduler import __version__

project = "pg_scheduler"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"pg_scheduler {version}"
html_copy_source = False

_read_as_google_style = napoleon._process_docstring


def _read_docstring(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Sections of functions and classes only: of an attribute's docstring, Napoleon would take what stands
    before its first colon for a type, and move it to the end."""
    if what not in ("attribute", "data", "property"):
        _read_as_google_style(app, what, name, obj, options, lines)


napoleon._process_docstring = _read_docstring

# Anchors for headings, as GitHub makes them, so that links work in both places.
myst_heading_anchors = 3

# Docstrings name code in single backquotes.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_numpy_docstring = False
