"""Sphinx: Markdown pages, docstrings as the reference."""

from __future__ import annotations

from importlib.metadata import version as installed_version

project = "pg_scheduler"
version = release = installed_version("pg-scheduler")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"pg_scheduler {version}"
html_copy_source = False

# Anchors for headings, as GitHub makes them, so that links work in both places.
myst_heading_anchors = 3

# Docstrings name code in single backquotes.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_numpy_docstring = False
