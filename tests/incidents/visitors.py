"""Two people on call, who know nothing but what they read: each step is written down."""

from __future__ import annotations

import re

from playwright.async_api import Page

from tests.incidents.stage import Stage


class Reader:
    """Has the page alone."""

    def __init__(self, stage: Stage, page: Page) -> None:
        self._stage = stage
        self._page = page
        self.steps: list[str] = []

    async def opens(self) -> None:
        """The page, by the address that `pgq web` prints."""
        self.steps.append("open the page")
        await self._page.goto(await self._stage.page())

    async def reads(self, *words: str) -> None:
        """This stands on the page, or comes to stand there by itself."""
        for one in words:
            await self._page.locator("main").get_by_text(re.compile(re.escape(one), re.I)).first.wait_for()

    async def goes(self, link: str, beside: str = "") -> None:
        """Follows a link of the content, in the line that holds these words."""
        self.steps.append(f"follow “{link}”")
        await self._within(beside).get_by_role("link", name=link).first.click()

    async def presses(self, button: str, beside: str = "") -> None:
        """Presses a button."""
        self.steps.append(f"press “{button}”")
        await self._within(beside).get_by_role("button", name=button).first.click()

    def _within(self, words: str):  # type: ignore[no-untyped-def]
        place = self._page.locator("main")
        return place.locator("li, tr", has_text=words).first if words else place


class Typist:
    """Has `pgq` alone."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.steps: list[str] = []
        self.said = ""

    async def types(self, *arguments: str, shows: tuple[str, ...] = (), code: int = 0) -> str:
        """Types a command, which ends so and says that."""
        self.steps.append("pgq " + " ".join(re.sub(r"[0-9a-f]{8,}", "ID", one) for one in arguments))
        found, self.said = await self._stage.pgq(*arguments)
        assert found == code, f"{self.steps[-1]}: exit code {found}\n{self.said}"
        for words in shows:
            assert words in self.said, f"{self.steps[-1]}: {words!r} is not in\n{self.said}"
        return self.said

    async def starts(self, version: str) -> None:
        """Types `pgq run`."""
        self.steps.append("pgq run shop")
        await self._stage.worker(version)

    def finds(self, pattern: str) -> str:
        """What the last command said, in short."""
        found = re.search(pattern, self.said, re.MULTILINE)
        assert found is not None, f"{pattern} is not in\n{self.said}"
        return found[1]
