"""Somebody at the page: what a person sees and does, by the names a person (or a reader) knows."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from playwright.async_api import BrowserContext, Locator, Page, expect

from tests.browser.peer_call import PeerCall
from tests.browser.wire_peer import WirePeer

# Chromium reports by itself what a test brings about on purpose.
EXPECTED = re.compile(r"WebSocket connection to .* failed|sonic\.audio\.v1")


@dataclass
class Customer:
    """A page that somebody looks at, and what its console complained of."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    forgiven: re.Pattern[str] = EXPECTED

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

    async def watch_status(self) -> None:
        """Keep every text of the state line from now on, however short it is shown."""
        await self.page.evaluate(
            "tests.statuses = []; const line = document.querySelector('[role=status]');"
            "new MutationObserver(() => tests.statuses.push(line.textContent))"
            ".observe(line, { childList: true })"
        )

    async def statuses(self) -> list[str]:
        statuses: list[str] = await self.page.evaluate("tests.statuses")
        return statuses

    def note(self, kind: str, text: str) -> None:
        if kind == "error" and not self.forgiven.search(text):
            self.complaints.append(text)


async def talking(customer: Customer, peer: WirePeer) -> PeerCall:
    """Press the button and be answered."""
    await customer.talk.click()
    call = await peer.call()
    await call.ready()
    await expect(customer.status).to_have_text("Escuchando")
    return call


async def typing(customer: Customer, peer: WirePeer, text: str = "Hola") -> PeerCall:
    """Write something and be answered."""
    await customer.write(text)
    call = await peer.call()
    await call.ready()
    await call.event("text")
    return call


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
