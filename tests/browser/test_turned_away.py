"""Calls that can't begin, and what the customer is told to do about it."""

import re
from http import HTTPStatus

import pytest
from playwright.async_api import expect

from tests.browser.chromium import screenshot
from tests.browser.customer import Customer, talking, typing
from tests.browser.wire_peer import Refusal, WirePeer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

# What Chromium reports by itself of what these tests bring about.
FORGIVEN = re.compile(
    r"status of (403|404|429|503)|ERR_(INTERNET_DISCONNECTED|EMPTY_RESPONSE)|AbortError"
    r"|WebSocket connection to .* failed"
)
BUSY = "En este momento todas las líneas están ocupadas."


@pytest.fixture(autouse=True)
def forgiving(customer: Customer) -> None:
    customer.forgiven = FORGIVEN


async def test_a_call_begins_with_a_ticket_and_a_greeting_unless_it_is_typed(
    customer: Customer, peer: WirePeer
) -> None:
    call = await talking(customer, peer)
    start = {"type": "start", "ticket": "ticket-1", "inputSampleRateHz": 16_000}
    assert await call.event("start") == start
    await customer.talk.click()
    typed = await typing(customer, peer)
    assert await typed.event("start") == {**start, "ticket": "ticket-2", "greet": False}


@pytest.mark.parametrize("status", [HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE])
async def test_a_busy_server_is_quoted_and_the_seconds_run(
    customer: Customer, peer: WirePeer, status: HTTPStatus
) -> None:
    peer.refusal = Refusal(status, BUSY, retry_after_s=3)
    await customer.talk.click()
    await expect(customer.alert).to_contain_text(BUSY)
    told = customer.alert.get_by_text("Probá de nuevo en 3 segundos.")
    shown = customer.alert.locator("[aria-hidden=true]")
    await expect(shown).to_have_text("Probá de nuevo en 3 s.")
    await expect(customer.talk).to_have_text("Hablar")
    await screenshot(customer.page, f"desk-busy-{status}")
    await expect(shown).to_have_text("Probá de nuevo en 1 s.")
    await expect(told).to_be_attached()  # a reader isn't told every second
    await expect(shown).to_be_hidden()
    assert peer.connections == 0
    peer.refusal = None
    await customer.button("Empezar de nuevo").click()
    await (await peer.call()).ready()
    await expect(customer.alert).not_to_contain_text(BUSY)
    await expect(customer.status).to_have_text("Escuchando")


async def test_a_page_that_gets_no_ticket_is_refused(customer: Customer, peer: WirePeer) -> None:
    peer.refusal = Refusal(HTTPStatus.FORBIDDEN)
    await customer.talk.click()
    await expect(customer.alert).to_contain_text("no aceptó la llamada")
    assert peer.connections == 0


async def test_a_ticket_that_is_not_taken_is_a_refusal(customer: Customer, peer: WirePeer) -> None:
    peer.takes_tickets = False
    await customer.talk.click()
    await expect(customer.alert).to_contain_text("no aceptó la llamada")


async def test_a_server_that_is_not_there_is_tried_again_and_then_said_not_to_be(
    customer: Customer, peer: WirePeer
) -> None:
    peer.is_down = True
    await customer.write("Hola")
    await expect(customer.status).to_have_text("Reconectando…")
    await expect(customer.alert).to_contain_text("No pudimos comunicarnos", timeout=10_000)
    assert peer.connections == 0


@pytest.mark.parametrize("part", ["socket-worker.js", "playback-worklet.js"])
async def test_a_part_of_the_page_that_does_not_come_means_that_the_server_is_not_there(
    customer: Customer, peer: WirePeer, part: str
) -> None:
    peer.lacks = part
    await customer.write("Hola")
    await expect(customer.alert).to_contain_text("No pudimos comunicarnos")
    assert peer.connections == 0


async def test_a_socket_that_is_turned_away_is_tried_again_and_then_said_to_be_refused(
    customer: Customer, peer: WirePeer
) -> None:
    peer.refuses = True
    await customer.talk.click()
    await expect(customer.status).to_have_text("Reconectando…")
    await expect(customer.alert).to_contain_text("no aceptó la llamada", timeout=10_000)


async def test_a_server_that_comes_back_in_time_is_reached_with_another_ticket(
    customer: Customer, peer: WirePeer
) -> None:
    peer.refuses = True
    await customer.talk.click()
    await expect(customer.status).to_have_text("Reconectando…")
    peer.refuses = False
    call = await peer.call()
    assert (await call.event("start"))["ticket"] != "ticket-1"
    await call.ready()
    await expect(customer.status).to_have_text("Escuchando")


async def test_a_call_that_is_refused_says_why_and_when_to_come_back(
    customer: Customer, peer: WirePeer
) -> None:
    await customer.talk.click()
    call = await peer.call()
    error = {"type": "error", "code": "busy", "message": BUSY, "retryable": True, "retryAfterS": 30}
    await call.say(error)
    await call.say({"type": "ended", "reason": "refused"})
    await call.socket.close(4429)
    await expect(customer.alert).to_contain_text(BUSY)
    await expect(customer.alert).to_contain_text("Probá de nuevo en 30 s.")
    await expect(customer.button("Empezar de nuevo")).to_be_visible()


async def test_a_call_that_is_refused_without_a_word_still_says_what_to_do(
    customer: Customer, peer: WirePeer
) -> None:
    await customer.talk.click()
    call = await peer.call()
    await call.say({"type": "ended", "reason": "refused"})
    await expect(customer.alert).to_contain_text("Ahora no podemos atenderte.")
    await customer.button("Empezar de nuevo").click()
    again = await peer.call()
    await again.socket.close(4429)
    await expect(customer.alert).to_contain_text("demasiadas llamadas")


async def test_a_network_that_is_back_is_not_waited_for(customer: Customer, peer: WirePeer) -> None:
    call = await talking(customer, peer)
    await customer.page.context.set_offline(True)
    try:
        call.drop()
        await expect(customer.status).to_have_text("Reconectando…")
        await customer.page.wait_for_timeout(5000)
    finally:
        await customer.page.context.set_offline(False)
    await call.resumed(timeout_s=1)
