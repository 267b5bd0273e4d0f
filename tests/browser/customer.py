"""A customer at the page: finds elements by the names that people and screen readers use."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from playwright.async_api import BrowserContext, Locator, Page, expect

from tests.browser.fake_call import FakeCall
from tests.browser.fake_server import FakeServer

# Chromium itself logs these where a test breaks a connection or sends a malformed frame.
EXPECTED_ERRORS = re.compile(r"WebSocket connection to .* failed|sonic\.audio\.v1")


@dataclass
class Customer:
    """An open page, and the errors in its console."""

    page: Page
    console_errors: list[str] = field(default_factory=list)
    expected_errors: re.Pattern[str] = EXPECTED_ERRORS

    @property
    def call_button(self) -> Locator:
        return self.page.get_by_role(
            "button", name=re.compile("^(Hablar|Apagar el micrófono|Conectando…)$")
        )

    @property
    def status(self) -> Locator:
        return self.page.get_by_role("status")

    @property
    def transcript(self) -> Locator:
        return self.page.get_by_role("log")

    @property
    def alert(self) -> Locator:
        return self.page.get_by_role("alert")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    async def hang_up(self) -> None:
        await self.button("Terminar la conversación").click()

    async def send_text(self, text: str) -> None:
        await self.page.get_by_label("Escribí tu consulta").fill(text)
        await self.page.keyboard.press("Enter")

    async def forget_statuses(self) -> None:
        """Forget the texts that the status has shown so far."""
        await self.page.evaluate("tests.statuses.length = 0")

    async def until_status_shown(self, text: str) -> None:
        """Wait until the status shows `text`, or has shown it since the text found before.

        Unlike `expect`, which looks once a second, it misses nothing that is shown for a moment.
        """
        await self.until_true(f"tests.hasShown({json.dumps(text)})")

    async def until_true(self, expression: str) -> None:
        """Wait until the JavaScript expression is true.

        Playwright's `wait_for_function` evaluates a string in the page, which its policy forbids.
        """
        async with asyncio.timeout(60):
            while not await self.page.evaluate(expression):  # noqa: ASYNC110 -- in the browser, there is no event
                await asyncio.sleep(0.05)

    async def shown_statuses(self) -> list[str]:
        """Return the texts that the status has shown, but those forgotten or found."""
        statuses: list[str] = await self.page.evaluate("tests.statuses")
        return statuses

    async def live_streams(self) -> int:
        """Return the number of microphone streams that are open."""
        streams: int = await self.page.evaluate(
            "tests.streams.filter(s => s.getTracks().some(t => t.readyState === 'live')).length"
        )
        return streams

    def record_console_message(self, kind: str, text: str) -> None:
        if kind == "error" and not self.expected_errors.search(text):
            self.console_errors.append(text)


async def start_voice_call(customer: Customer, server: FakeServer) -> FakeCall:
    """Press the call button and wait until the call is ready."""
    await customer.call_button.click()
    call = await server.wait_for_call()
    await call.send_ready()
    await expect(customer.status).to_have_text("Escuchando")
    return call


async def start_typed_call(customer: Customer, server: FakeServer, text: str = "Hola") -> FakeCall:
    """Send a text and wait until the server has it."""
    await customer.send_text(text)
    call = await server.wait_for_call()
    await call.send_ready()
    await call.wait_for_event("text")
    return call


@asynccontextmanager
async def open_page(browser: BrowserContext, url: str) -> AsyncIterator[Customer]:
    """Open a page at `url`; at the end, fail if its console shows unexpected errors."""
    page = await browser.new_page()
    customer = Customer(page)
    page.on("pageerror", lambda error: customer.console_errors.append(str(error)))
    page.on("console", lambda message: customer.record_console_message(message.type, message.text))
    await page.goto(url)
    yield customer
    await page.close()
    assert customer.console_errors == []


@asynccontextmanager
async def disconnected(
    customer: Customer, server: FakeServer, call: FakeCall
) -> AsyncIterator[None]:
    """Break the connection, and wait for the resume at the end."""
    server.refuses_sockets = True
    call.abort_connection()
    await customer.until_status_shown("Reconectando…")
    yield
    resumes = len(call.resumes)
    server.refuses_sockets = False
    await call.wait_for_resume(resumes + 1)
