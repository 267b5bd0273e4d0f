"""Calls that outlive their connections: what is lost on the way, and what the customer sees of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from playwright.async_api import expect

from tests.browser.chromium import recording, screenshot
from tests.browser.customer import Customer, talking, typing
from tests.browser.peer_call import FIRST, OUTPUT_RATE_HZ, RESENT, PeerCall
from tests.browser.sounds import assert_whole, audible_s, babble, finely, from_pcm16, pcm16
from tests.browser.wire_peer import WirePeer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

SPEECH = babble(OUTPUT_RATE_HZ, 6, seed=2)
A_SECOND = SPEECH[:OUTPUT_RATE_HZ]
MOST = 4 * OUTPUT_RATE_HZ  # in the page before the connection is lost: no stall is to be heard


@asynccontextmanager
async def lost(customer: Customer, peer: WirePeer, call: PeerCall) -> AsyncIterator[None]:
    """Lose the connection, and find the server again at the end."""
    peer.refuses = True
    call.drop()
    await expect(customer.status).to_have_text("Reconectando…")
    yield
    times = len(call.resumes)
    peer.refuses = False
    await call.resumed(times + 1)


# Nothing lost, nothing doubled


async def test_a_reply_is_heard_whole_over_a_lost_connection(
    customer: Customer, peer: WirePeer
) -> None:
    call = await typing(customer, peer)
    await call.speak(pcm16(SPEECH[:MOST]), last=False)
    await call.played(OUTPUT_RATE_HZ // 2)
    async with lost(customer, peer, call):
        await screenshot(customer.page, "desk-retrying")
        await call.speak(pcm16(SPEECH[MOST:]), first=False)
    await expect(customer.status).to_have_text("Hablando")
    await call.played(len(SPEECH))
    await expect(customer.status).to_have_text("Escribí tu consulta")
    said = call.resumes[0]
    assert said.position >= OUTPUT_RATE_HZ // 2, "what was heard is told"
    assert said.sequence == 1 + MOST // 960
    sound, rate_hz = await recording(customer.page)
    assert_whole(finely(sound, rate_hz), finely(SPEECH, OUTPUT_RATE_HZ))
    assert call.faults == []


async def test_two_losses_in_one_reply_leave_it_whole(customer: Customer, peer: WirePeer) -> None:
    call = await typing(customer, peer)
    await call.speak(pcm16(SPEECH[:MOST]), last=False)
    for times, part in enumerate(np.split(SPEECH[MOST:], 2), start=1):
        await call.played(times * OUTPUT_RATE_HZ // 2)
        call.drop()
        await call.speak(pcm16(part), first=False, last=times == 2)
        await call.resumed(times)
    await call.played(len(SPEECH))
    sound, rate_hz = await recording(customer.page)
    assert_whole(finely(sound, rate_hz), finely(SPEECH, OUTPUT_RATE_HZ))
    await expect(customer.status).to_have_text("Escribí tu consulta")
    assert call.faults == []


async def test_what_the_microphone_said_in_the_last_two_seconds_is_not_lost(
    customer: Customer, peer: WirePeer
) -> None:
    call = await talking(customer, peer)
    await call.audio_ms(500)
    call.loses = True
    await call.until(lambda: call.lost > 10)
    await customer.page.evaluate("tests.contexts[0].suspend()")  # the customer holds their breath
    async with lost(customer, peer, call):
        call.loses = False
    await customer.page.evaluate("tests.contexts[0].resume()")
    await call.audio_ms(len(call.audio) // 32 + 1500)
    assert len(call.resent) > 10
    assert call.faults == []
    spoken, rate_hz = await recording(customer.page, "spoken")
    wire = from_pcm16(bytes(call.audio[: 2 * 32_000]))[4_000:]
    assert_whole(finely(spoken, rate_hz), finely(wire, 16_000))


async def test_a_text_lost_on_its_way_is_said_again_and_one_that_came_is_not(
    customer: Customer, peer: WirePeer
) -> None:
    call = await typing(customer, peer, "uno")
    call.loses = True
    await customer.write("dos")
    await expect(customer.log).to_contain_text("dos")
    async with lost(customer, peer, call):
        call.loses = False
        await customer.write("tres")
        await expect(customer.log).to_contain_text("tres")
    await call.until(lambda: len(call.texts()) >= 3)
    assert call.texts() == ["uno", "dos", "tres"]
    assert call.faults == []
    await expect(customer.page.locator(".entry-user")).to_have_count(3)


async def test_captions_that_were_missed_are_shown_and_none_twice(
    customer: Customer, peer: WirePeer
) -> None:
    call = await typing(customer, peer)
    await call.caption("user", "Hola")
    await call.caption("assistant", "Buenas.", segment=2)
    await expect(customer.log).to_contain_text("Buenas.")
    async with lost(customer, peer, call):
        await call.caption("assistant", "¿Qué necesita?", segment=3)
    await expect(customer.log).to_contain_text("Buenas. ¿Qué necesita?")
    assert [e["type"] for e in call.events].count("text") == 1
    await expect(customer.page.locator(".segment")).to_have_count(3)


async def test_an_interruption_during_a_loss_silences_on_return(
    customer: Customer, peer: WirePeer
) -> None:
    call = await talking(customer, peer)
    await call.caption("assistant", "Una respuesta larga.", stage="planned")
    await call.speak(pcm16(SPEECH))
    await call.played(OUTPUT_RATE_HZ // 2)
    async with lost(customer, peer, call):
        await call.flush()
        await call.say({"type": "interrupted", "turn": 1, "generation": 1})
    await expect(customer.status).to_have_text("Escuchando")
    await expect(customer.log).to_contain_text("Interrumpido")
    assert audible_s(*await recording(customer.page)) < 4
    await call.speak(pcm16(A_SECOND))
    await expect(customer.status).to_have_text("Hablando")


# Other ways to be away


async def test_a_server_that_moves_is_followed_without_alarm(
    customer: Customer, peer: WirePeer
) -> None:
    call = await talking(customer, peer)
    await call.speak(pcm16(SPEECH[:MOST]), last=False)
    await call.played(OUTPUT_RATE_HZ // 2)
    await customer.watch_status()
    await call.say({"type": "moving", "resumeAfterMs": 300})
    await call.socket.close(1012)
    await call.speak(pcm16(SPEECH[MOST:]), first=False)
    await call.resumed()
    await call.played(len(SPEECH))
    await expect(customer.status).to_have_text("Escuchando")
    assert await customer.statuses() == ["Escuchando"]
    sound, rate_hz = await recording(customer.page)
    assert_whole(finely(sound, rate_hz), finely(SPEECH, OUTPUT_RATE_HZ))


async def test_another_server_goes_on_with_what_was_stored(
    customer: Customer, peer: WirePeer
) -> None:
    peer.restores = True
    call = await talking(customer, peer)
    await call.flush()
    await call.speak(pcm16(A_SECOND), last=False)  # its end will never come
    await call.audio_ms(300)
    await call.played(OUTPUT_RATE_HZ // 2)
    call.drop()
    await call.resumed()
    await expect(customer.status).to_have_text("Escuchando")
    assert all(frame.flags & RESENT for frame in call.resent)
    await call.audio_ms(len(call.audio) // 32 + 300)
    await call.caption("assistant", "Sigamos.", turn=2)
    await call.speak(pcm16(A_SECOND))
    await expect(customer.status).to_have_text("Hablando")
    await expect(customer.log).to_contain_text("Sigamos.")
    await customer.write("¿Seguimos?")
    assert (await call.event("text"))["text"] == "¿Seguimos?"


async def test_the_model_being_away_is_told(customer: Customer, peer: WirePeer) -> None:
    call = await talking(customer, peer)
    await call.caption("user", "Hola")
    await call.say({"type": "assistant", "phase": "away"})
    await expect(customer.status).to_have_text("Un momento, retomando…")
    await screenshot(customer.page, "desk-away")
    await call.say({"type": "assistant", "phase": "back"})
    await expect(customer.status).to_have_text("Pensando")


# Ends


async def test_a_call_lost_for_too_long_is_said_to_be_lost_and_another_offered(
    customer: Customer, peer: WirePeer
) -> None:
    peer.resume_timeout_s = 1
    await customer.page.reload()
    call = await talking(customer, peer)
    await call.caption("user", "Hola")
    peer.refuses = True
    call.drop()
    await expect(customer.status).to_have_text("Reconectando…")
    await expect(customer.alert).to_contain_text("no pudimos retomar la llamada")
    await expect(customer.talk).to_have_attribute("aria-pressed", "false")
    await screenshot(customer.page, "desk-lost")
    peer.refuses = False
    await customer.button("Empezar de nuevo").click()
    again = await peer.call()
    await again.ready()
    await expect(customer.status).to_have_text("Escuchando")
    await expect(customer.alert).not_to_contain_text("Se cortó")
    await expect(customer.log).to_contain_text("Nueva conversación")
    await expect(customer.log).to_contain_text("Hola")


async def test_a_call_the_server_no_longer_knows_is_over(
    customer: Customer, peer: WirePeer
) -> None:
    call = await talking(customer, peer)
    peer.forgets = True
    call.drop()
    await expect(customer.alert).to_contain_text("Esa conversación ya terminó.")
    await expect(customer.status).to_have_text("La conversación terminó")
    await screenshot(customer.page, "desk-gone")
    peer.forgets = False
    await customer.button("Empezar de nuevo").click()
    await (await peer.call()).ready()
    await expect(customer.status).to_have_text("Escuchando")


async def test_hanging_up_while_the_server_is_sought_is_told_when_it_is_found(
    customer: Customer, peer: WirePeer
) -> None:
    call = await talking(customer, peer)
    peer.refuses = True
    call.drop()
    for _ in range(3):  # now the page waits for 2.7 s
        await peer.turned_away.acquire()
    peer.refuses = False
    await customer.talk.click()
    await expect(customer.status).to_have_text("Listo para ayudarte")
    await call.event("end")
    assert await call.closed() == 1000
    await talking(customer, peer)  # and the page still works


async def test_hanging_up_while_the_server_moves_is_told(
    customer: Customer, peer: WirePeer
) -> None:
    call = await talking(customer, peer)
    await call.say({"type": "moving", "resumeAfterMs": 60_000})
    await call.socket.close(1012)
    await customer.talk.click()
    await call.event("end")
    assert await call.closed() == 1000


# A page that is loaded again


async def test_a_page_loaded_again_goes_on_with_its_call(
    customer: Customer, peer: WirePeer
) -> None:
    call = await talking(customer, peer)
    await call.caption("user", "¿Cómo está mi pedido?")
    await call.caption("assistant", "Su pedido está en camino.", segment=2, position=0)
    await call.speak(pcm16(SPEECH))
    await call.played(OUTPUT_RATE_HZ)
    before = len(call.audio)
    await customer.page.reload()
    said = await call.resumed()
    assert said.flags & FIRST
    assert OUTPUT_RATE_HZ <= said.position < 3 * OUTPUT_RATE_HZ
    await expect(customer.log).to_contain_text("Su pedido está en camino.")
    await expect(customer.page.locator(".entry")).to_have_count(2)
    await expect(customer.status).to_have_text("En pausa")  # until it is touched, says Chromium
    await screenshot(customer.page, "desk-reloaded")
    await customer.button("Tocá para activar el sonido").click()
    await expect(customer.status).to_have_text("Hablando")
    await expect(customer.talk).to_have_text("Detener")
    await call.played(len(SPEECH))
    await expect(customer.status).to_have_text("Escuchando")
    await call.audio_ms(before // 32 + 500)
    sound, rate_hz = await recording(customer.page)
    rest = SPEECH[said.position :]
    assert_whole(finely(sound, rate_hz), finely(rest[OUTPUT_RATE_HZ // 10 :], OUTPUT_RATE_HZ))
    assert audible_s(sound, rate_hz) < len(rest) / OUTPUT_RATE_HZ + 0.05, "nothing is heard twice"
    assert "end" not in [e["type"] for e in call.events]
    assert call.faults == []


async def test_a_typed_call_comes_back_as_one(customer: Customer, peer: WirePeer) -> None:
    call = await typing(customer, peer)
    await call.caption("user", "Hola")
    await call.caption("assistant", "Buenas.", segment=2)
    await customer.page.reload()
    await call.resumed()
    await expect(customer.log).to_contain_text("Buenas.")
    await expect(customer.status).to_have_text("Escribí tu consulta")
    await expect(customer.talk).to_have_text("Hablar")
    await customer.write("¿Seguimos?")
    await call.until(lambda: len(call.texts()) == 2)
    assert call.texts() == ["Hola", "¿Seguimos?"]
    assert await customer.page.evaluate("tests.streams.length") == 0


async def test_what_was_typed_before_the_page_was_loaded_again_is_said_once(
    customer: Customer, peer: WirePeer
) -> None:
    lines = customer.page.locator(".entry-text")
    call = await typing(customer, peer, "uno")
    await call.caption("user", "uno")
    await call.caption("assistant", "Uno.", segment=2)
    call.loses = True
    await customer.write("dos")
    await expect(customer.log).to_contain_text("dos")
    async with lost(customer, peer, call):
        call.loses = False
        await customer.write("tres")
        await expect(customer.log).to_contain_text("tres")
        for _ in range(2):  # the first of them hasn't found its call yet when the second comes
            await customer.page.reload()
            await expect(customer.status).to_have_text("Reconectando…")
            # The peer has not acknowledged the first either.
            await expect(lines).to_have_text(["uno", "dos", "tres"])
    await call.until(lambda: len(call.texts()) >= 3)
    assert call.texts() == ["uno", "dos", "tres"]
    assert call.faults == []
    await expect(lines).to_have_text(["uno", "Uno.", "dos", "tres"])
    await call.caption("user", "dos", turn=2)
    await call.caption("assistant", "Dos.", turn=2, segment=2)
    await expect(lines).to_have_text(["uno", "Uno.", "dos", "Dos.", "tres"])
    await customer.page.reload()
    await call.resumed(2)
    await expect(lines).to_have_text(["uno", "Uno.", "dos", "Dos.", "tres"])
    assert call.texts() == ["uno", "dos", "tres"]


async def test_a_page_loaded_again_can_be_hung_up_at_once(
    customer: Customer, peer: WirePeer
) -> None:
    call = await talking(customer, peer)
    for _ in range(2):  # the first of them hasn't found its call yet when the second comes
        await customer.page.reload()
    await expect(customer.talk).to_have_text("Detener")
    await customer.talk.click()
    await call.event("end")
    await expect(customer.status).to_have_text("Listo para ayudarte")


async def test_a_call_that_was_ended_does_not_come_back(customer: Customer, peer: WirePeer) -> None:
    await talking(customer, peer)
    await customer.talk.click()
    await customer.page.reload()
    await expect(customer.status).to_have_text("Listo para ayudarte")
    call = await talking(customer, peer)
    await call.say({"type": "ended", "reason": "limit"})
    await expect(customer.alert).to_contain_text("tiempo máximo")
    await customer.page.reload()
    await expect(customer.status).to_have_text("Listo para ayudarte")
    assert peer.connections == 2


async def test_a_page_out_of_the_browsers_cache_goes_on_with_its_call(
    customer: Customer, peer: WirePeer
) -> None:
    call = await talking(customer, peer)
    await call.caption("user", "Hola")
    await call.caption("assistant", "Buenas.", segment=2)
    shown = "dispatchEvent(new PageTransitionEvent('{}', {{ persisted: true }}))"
    await customer.page.evaluate(shown.format("pagehide"))
    await call.closed()
    live = "tests.streams.filter(s => s.getTracks().some(t => t.readyState === 'live')).length"
    assert await customer.page.evaluate(live) == 0, "nobody listens to a page that is not there"
    await customer.page.evaluate(shown.format("pageshow"))
    await call.resumed()
    await expect(customer.status).to_have_text("Escuchando")
    await expect(customer.page.locator(".entry")).to_have_count(2)
    assert "end" not in [e["type"] for e in call.events]


async def test_the_newest_window_has_the_call(customer: Customer, peer: WirePeer) -> None:
    call = await talking(customer, peer)
    await call.caption("user", "Hola")
    async with customer.page.expect_popup() as opening:
        await customer.page.evaluate("open(location.href); undefined")  # copies the tab's storage
    other = Customer(await opening.value)
    await call.resumed()
    await expect(other.log).to_contain_text("Hola")
    await expect(other.status).to_have_text("Pensando")
    await expect(customer.alert).to_contain_text("La llamada sigue en otra ventana.")
    await expect(customer.status).to_have_text("En otra ventana")
    await screenshot(customer.page, "desk-elsewhere")
    await customer.page.reload()
    await expect(customer.status).to_have_text("Listo para ayudarte")
    await other.talk.click()
    await call.event("end")
    await other.page.close()


async def test_a_storage_that_is_forbidden_takes_nothing_but_the_coming_back(
    customer: Customer, peer: WirePeer
) -> None:
    await customer.page.add_init_script(
        "Object.defineProperty(window, 'sessionStorage', { get() { throw new Error() } })"
    )
    await customer.page.reload()
    call = await talking(customer, peer)
    call.drop()
    await call.resumed()
    await customer.page.reload()
    await expect(customer.status).to_have_text("Listo para ayudarte")
