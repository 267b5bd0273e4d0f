"""Calls that cannot start, and what the page shows then."""

import asyncio
import re
from http import HTTPStatus

import pytest
from playwright.async_api import expect

from tests.browser.chromium import save_screenshot
from tests.browser.customer import Customer, start_typed_call, start_voice_call
from tests.browser.fake_server import FakeServer, TicketRefusal

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

# Chromium itself logs these where a request or a connection fails.
EXPECTED_ERRORS = re.compile(
    r"status of (403|404|429|503)|ERR_(INTERNET_DISCONNECTED|EMPTY_RESPONSE)|AbortError"
    r"|WebSocket connection to .* failed"
)
RECORD_COUNTDOWN = """(() => {
    tests.countdown = [];
    const alert = document.querySelector("[role=alert]");
    new MutationObserver(() => {
        const [seconds] = alert.querySelector("[aria-hidden=true]").textContent.match(/\\d+/) ?? [];
        if (seconds !== undefined) tests.countdown.push(Number(seconds));
    }).observe(alert, { childList: true, characterData: true, subtree: true });
})()"""
BUSY = "En este momento todas las líneas están ocupadas."


@pytest.fixture(autouse=True)
def expect_request_errors(customer: Customer) -> None:
    customer.expected_errors = EXPECTED_ERRORS


async def test_call_starts_with_ticket_and_greeting_unless_typed(
    customer: Customer, server: FakeServer
) -> None:
    call = await start_voice_call(customer, server)
    start = {"type": "start", "ticket": "ticket-1", "inputSampleRateHz": 16_000}
    assert await call.wait_for_event("start") == start
    await customer.hang_up()
    typed = await start_typed_call(customer, server)
    assert await typed.wait_for_event("start") == {**start, "ticket": "ticket-2", "greet": False}


@pytest.mark.parametrize("status", [HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE])
async def test_busy_server_message_and_countdown_are_shown(
    customer: Customer, server: FakeServer, status: HTTPStatus
) -> None:
    server.ticket_refusal = TicketRefusal(status, BUSY, retry_after_s=3)
    await customer.page.evaluate(RECORD_COUNTDOWN)
    await customer.call_button.click()
    await expect(customer.alert).to_contain_text(BUSY)
    spoken_countdown = customer.alert.get_by_text("Probá de nuevo en 3 segundos.")
    visible_countdown = customer.alert.locator("[aria-hidden=true]")
    await expect(visible_countdown).to_have_text(re.compile(r"^Probá de nuevo en \d s\.$"))
    await expect(customer.call_button).to_have_text("Hablar")
    await save_screenshot(customer.page, f"desktop-busy-{status}")
    await expect(visible_countdown).to_be_hidden()
    await expect(spoken_countdown).to_be_attached()  # not updated every second
    shown: list[int] = await customer.page.evaluate("[...new Set(tests.countdown)]")
    assert shown[0] == 3
    assert shown == sorted(shown, reverse=True), "it counts down; a slow page skips seconds"
    assert server.connections == 0
    server.ticket_refusal = None
    await customer.button("Empezar de nuevo").click()
    await (await server.wait_for_call()).send_ready()
    await expect(customer.alert).not_to_contain_text(BUSY)
    await expect(customer.status).to_have_text("Escuchando")


async def test_refused_ticket_request_shows_refusal(customer: Customer, server: FakeServer) -> None:
    server.ticket_refusal = TicketRefusal(HTTPStatus.FORBIDDEN)
    await customer.call_button.click()
    await expect(customer.alert).to_contain_text("no aceptó la llamada")
    assert server.connections == 0


async def test_rejected_ticket_shows_refusal(customer: Customer, server: FakeServer) -> None:
    server.accepts_tickets = False
    await customer.call_button.click()
    await expect(customer.alert).to_contain_text("no aceptó la llamada")


async def test_unreachable_server_is_retried_then_shown(
    customer: Customer, server: FakeServer
) -> None:
    server.is_down = True
    await customer.send_text("Hola")
    await customer.until_status_shown("Reconectando…")
    await expect(customer.alert).to_contain_text("No pudimos comunicarnos")
    assert server.connections == 0


@pytest.mark.parametrize("script", ["socket-worker.js", "playback-worklet.js"])
async def test_missing_script_shows_unreachable_server(
    customer: Customer, server: FakeServer, script: str
) -> None:
    server.missing_file = script
    await customer.send_text("Hola")
    await expect(customer.alert).to_contain_text("No pudimos comunicarnos")
    assert server.connections == 0


async def test_refused_socket_is_retried_then_shown(customer: Customer, server: FakeServer) -> None:
    server.refuses_sockets = True
    await customer.call_button.click()
    await customer.until_status_shown("Reconectando…")
    await expect(customer.alert).to_contain_text("no aceptó la llamada")


async def test_retry_uses_another_ticket(customer: Customer, server: FakeServer) -> None:
    server.refuses_sockets = True
    await customer.call_button.click()
    await customer.until_status_shown("Reconectando…")
    server.refuses_sockets = False
    call = await server.wait_for_call()
    assert (await call.wait_for_event("start"))["ticket"] != "ticket-1"
    await call.send_ready()
    await expect(customer.status).to_have_text("Escuchando")


async def test_refused_call_shows_message_and_countdown(
    customer: Customer, server: FakeServer
) -> None:
    await customer.call_button.click()
    call = await server.wait_for_call()
    error = {"type": "error", "code": "busy", "message": BUSY, "retryable": True, "retryAfterS": 30}
    await call.send_event(error)
    await call.send_event({"type": "ended", "reason": "refused"})
    await call.socket.close(4429)
    await expect(customer.alert).to_contain_text(BUSY)
    await expect(customer.alert).to_contain_text("Probá de nuevo en 30 s.")
    await expect(customer.button("Empezar de nuevo")).to_be_visible()


async def test_refused_call_without_message_shows_help(
    customer: Customer, server: FakeServer
) -> None:
    await customer.call_button.click()
    call = await server.wait_for_call()
    await call.send_event({"type": "ended", "reason": "refused"})
    await expect(customer.alert).to_contain_text("Ahora no podemos atenderte.")
    await customer.button("Empezar de nuevo").click()
    again = await server.wait_for_call()
    await again.socket.close(4429)
    await expect(customer.alert).to_contain_text("demasiadas llamadas")


NO_ATTEMPT_AFTER_A_WAIT = """
    const schedule = self.setTimeout;
    self.setTimeout = (run, delayMs) => {
        if (delayMs === 0) return schedule(run, 0);
        self.isWaiting = true;
        return 1;
    };
"""
"""The page tries once, at once, and then waits for ever."""


async def test_call_resumes_at_once_when_network_is_back(
    customer: Customer, server: FakeServer
) -> None:
    call = await start_voice_call(customer, server)
    (worker,) = customer.page.workers
    await worker.evaluate(f"() => {{ {NO_ATTEMPT_AFTER_A_WAIT} }}")
    await customer.page.context.set_offline(True)
    try:
        call.abort_connection()
        await customer.until_status_shown("Reconectando…")
        async with asyncio.timeout(60):
            while not await worker.evaluate("self.isWaiting"):  # noqa: ASYNC110 -- of the page
                await asyncio.sleep(0.02)
    finally:
        await customer.page.context.set_offline(False)
    await call.wait_for_resume()
