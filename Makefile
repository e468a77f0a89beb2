# What one types here. `make` alone lists it.
PYTHON ?= python3
# Each version that is asked for by name has an environment of its own: PYTHON=python3.13 uses .venv-3.13.
ifeq ($(origin PYTHON),file)
VENV := .venv
else
VENV := .venv-$(or $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'),$(error PYTHON=$(PYTHON) does not run))
endif
BIN := $(VENV)/bin

# Tests start this program hundreds of times: compiled once, it starts in half the time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test slow check matrix django browser screenshots chaos bench docs clean

help:  ## list the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e '.[contributing]'
	@touch $@

setup: $(VENV)/.ready  ## make the environment (the others do it by themselves)

demo: $(VENV)/.ready  ## watch jobs run on an embedded PostgreSQL (KEEP=1 keeps it running)
	@$(BIN)/python -m pg_scheduler_cli.demo $(if $(KEEP),--keep)

test: check  ## style, types, and all tests but the long ones
	$(BIN)/python -m pytest -q -n 4 --dist worksteal -m "not slow"

slow: $(VENV)/.ready  ## the long tests: demo, benchmarks, short chaos, silence, more of the simulation
	$(BIN)/python -m pytest -q -n 4 --dist worksteal -m slow

check: $(VENV)/.ready  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

matrix: $(VENV)/.ready  ## the driver's tests on PostgreSQL 13 to 18, fetched where they are missing
	$(BIN)/python -m tests.matrix

django: $(VENV)/.ready  ## Django's own tests of task backends, against ours, on Django 5.2 and 6
	$(BIN)/python -m tests.django_suite

browser: $(VENV)/.ready  ## the dashboard in Chromium, which is installed where it is missing
	$(BIN)/python -m tests.browser

screenshots: $(VENV)/.ready  ## the pictures of the documentation, anew
	$(BIN)/python -m tests.browser.screenshots

chaos: $(VENV)/.ready  ## do harm for twelve minutes and count what was lost (MINUTES=, SEED=)
	$(BIN)/python -m tests.chaos --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))

bench: $(VENV)/.ready  ## measure, and print a table
	$(BIN)/python -m benchmarks

docs: $(VENV)/.ready  ## build the documentation into docs/_build, and check its links
	$(BIN)/sphinx-build -W -q docs docs/_build
	$(BIN)/python docs/check_links.py docs/_build

clean:  ## remove the environments and everything fetched or built
	rm -rf .venv .venv-* .cache dist docs/_build .pytest_cache .mypy_cache .ruff_cache
