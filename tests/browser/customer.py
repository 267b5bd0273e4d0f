"""Somebody at the page: what a person sees and does, by the names a person (or a reader) knows."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from playwright.async_api import BrowserContext, Locator, Page

# Chromium reports by itself what a test brings about on purpose.
EXPECTED = re.compile(r"WebSocket connection to .* failed|sonic\.audio\.v1")


@dataclass
class Customer:
    """A page that somebody looks at, and what its console complained of."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    @property
    def talk(self) -> Locator:
        return self.page.get_by_role("button", name=re.compile("^(Hablar|Detener)$"))

    @property
    def status(self) -> Locator:
        return self.page.get_by_role("status")

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("log")

    @property
    def alert(self) -> Locator:
        return self.page.get_by_role("alert")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    async def write(self, text: str) -> None:
        await self.page.get_by_label("Escribí tu consulta").fill(text)
        await self.page.keyboard.press("Enter")

    def note(self, kind: str, text: str) -> None:
        if kind == "error" and not EXPECTED.search(text):
            self.complaints.append(text)


@asynccontextmanager
async def customer_at(browser: BrowserContext, url: str) -> AsyncIterator[Customer]:
    """Open a page at `url`; in the end nothing may have gone wrong in it."""
    page = await browser.new_page()
    customer = Customer(page)
    page.on("pageerror", lambda error: customer.complaints.append(str(error)))
    page.on("console", lambda message: customer.note(message.type, message.text))
    await page.goto(url)
    yield customer
    await page.close()
    assert customer.complaints == []
