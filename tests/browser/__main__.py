"""`make browser`: the dashboard in Chromium, all of it. Fetches what is missing first."""

from __future__ import annotations

import os
import sys

import pytest

from tests.browser.programs import found_or_fetched
from tests.support.processes import ROOT

if __name__ == "__main__":
    for one in found_or_fetched():
        print(f"missing: {one}", file=sys.stderr)
    os.environ["PG_SCHEDULER_BROWSER"] = "all"
    sys.exit(pytest.main(["-q", "-p", "no:xdist", str(ROOT / "tests" / "browser"), *sys.argv[1:]]))
