"""The page against a peer that does on command what a server may do, faults included."""

import re
from http import HTTPStatus

import pytest
from playwright.async_api import expect

from tests.browser.chromium import chromium, recording, screenshot
from tests.browser.customer import Customer, customer_at, talking
from tests.browser.peer_call import OUTPUT_RATE_HZ
from tests.browser.sounds import assert_whole, audible_s, babble, finely, from_pcm16, pcm16
from tests.browser.wire_peer import Refusal, WirePeer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

SPEECH = babble(OUTPUT_RATE_HZ, 6, seed=2)
A_SECOND = SPEECH[:OUTPUT_RATE_HZ]


# A turn


async def test_a_spoken_turn_is_heard_answered_and_captioned(
    customer: Customer, peer: WirePeer
) -> None:
    await expect(customer.talk).to_have_attribute("aria-pressed", "false")
    await screenshot(customer.page, "desk-idle")
    call = await talking(customer, peer)
    await expect(customer.talk).to_have_attribute("aria-pressed", "true")
    await expect(customer.talk).to_have_text("Detener")
    start = {"type": "start", "ticket": "ticket-1", "inputSampleRateHz": 16_000}
    assert await call.event("start") == start
    await call.audio_ms(300)

    await call.caption("user", "Consulta el pedido número 1 con DNI 12345678")
    await expect(customer.status).to_have_text("Pensando")
    await call.say(
        {"type": "tool", "phase": "started", "toolUseId": "t1", "name": "consultarOrder"}
    )
    await expect(customer.log).to_contain_text("Consultando el pedido…")
    await screenshot(customer.page, "desk-thinking")
    await call.say(
        {
            "type": "tool",
            "phase": "finished",
            "toolUseId": "t1",
            "name": "consultarOrder",
            "outcome": "ok",
            "durationMs": 42,
        }
    )
    await expect(customer.log).to_contain_text("Pedido consultado")

    await call.caption("assistant", "Su pedido está en camino.", stage="planned", position=0)
    await call.caption(
        "assistant", "Llega el viernes.", stage="planned", segment=2, position=OUTPUT_RATE_HZ
    )
    await call.speak(pcm16(SPEECH[: 2 * OUTPUT_RATE_HZ]))
    await expect(customer.status).to_have_text("Hablando")
    await expect(customer.log).to_contain_text("Su pedido está en camino.")
    await expect(customer.log).not_to_contain_text("Llega el viernes.")
    await expect(customer.page.locator("[data-stage=planned]")).to_have_attribute(
        "aria-hidden", "true"
    )
    await screenshot(customer.page, "desk-speaking")
    await call.caption("assistant", "Su pedido está en camino.", position=0)
    await call.caption("assistant", "Llega el viernes.", segment=2, position=OUTPUT_RATE_HZ)
    await expect(customer.log).to_contain_text("Llega el viernes.")
    latency = {"firstAudioMs": 812.4, "modelMs": 760, "toolMs": 42, "serverMs": 10.4}
    await call.say({"type": "turn", "phase": "finished", "turn": 1, "latency": latency})

    await call.played(2 * OUTPUT_RATE_HZ)
    await expect(customer.status).to_have_text("Escuchando")
    await expect(customer.page.locator("[data-stage=planned]")).to_have_count(0)
    heard = await call.event("heard")
    delay_s = (812.4 + heard["afterMs"] + heard["rttMs"]) / 1000
    await expect(customer.log).to_contain_text(f"Respondió en {delay_s:.1f} s".replace(".", ","))
    await screenshot(customer.page, "desk-turn")

    await customer.talk.click()
    await call.event("end")
    assert await call.closed() == 1000
    await expect(customer.talk).to_have_text("Hablar")
    assert call.faults == []


async def test_every_sample_of_a_burst_reaches_the_loudspeaker(
    customer: Customer, peer: WirePeer
) -> None:
    call = await talking(customer, peer)
    await call.speak(pcm16(SPEECH[: 2 * OUTPUT_RATE_HZ]))
    ack = await call.played(2 * OUTPUT_RATE_HZ)
    assert ack.position == 2 * OUTPUT_RATE_HZ
    assert len(call.acks) >= 6, "about four acknowledgements a second"
    await expect(customer.status).to_have_text("Escuchando")
    sound, rate_hz = await recording(customer.page)
    assert_whole(finely(sound, rate_hz), finely(SPEECH[: 2 * OUTPUT_RATE_HZ], OUTPUT_RATE_HZ))


async def test_the_microphone_reaches_the_wire_without_a_lost_sample(
    customer: Customer, peer: WirePeer
) -> None:
    call = await talking(customer, peer)
    await call.audio_ms(2500)
    assert call.faults == []
    spoken, rate_hz = await recording(customer.page, "spoken")
    wire = from_pcm16(bytes(call.audio[: 2 * 40_000]))[8_000:]
    assert_whole(finely(spoken, rate_hz), finely(wire, 16_000))


async def test_a_typed_turn_needs_no_microphone(customer: Customer, peer: WirePeer) -> None:
    await customer.write("Consulta el pedido número 1")
    call = await peer.call()
    await expect(customer.log).to_contain_text("Consulta el pedido número 1")
    await call.ready()
    assert (await call.event("text"))["text"] == "Consulta el pedido número 1"
    await call.caption("user", "Consulta el pedido número 1")
    await call.caption("assistant", "Está en camino.", stage="planned")
    await call.speak(pcm16(A_SECOND))
    await expect(customer.status).to_have_text("Hablando")
    await call.caption("assistant", "Está en camino.", position=0)
    await call.played(OUTPUT_RATE_HZ)
    await expect(customer.status).to_have_text("Escribí tu consulta")
    await expect(customer.page.locator(".entry-user")).to_have_count(1)
    await expect(customer.talk).to_have_attribute("aria-pressed", "false")
    await screenshot(customer.page, "desk-typed")
    assert call.audio == b""

    await customer.talk.click()  # the same call goes on with a voice
    await call.audio_ms(100)
    await expect(customer.status).to_have_text("Escuchando")
    assert peer.connections == 1


async def test_a_typed_call_can_be_ended_without_a_microphone(
    customer: Customer, peer: WirePeer
) -> None:
    await customer.button("Quiero pedir un turno").click()
    call = await peer.call()
    await call.ready()
    await call.event("text")
    await customer.button("Terminar la conversación").click()
    assert await call.closed() == 1000


async def test_the_server_is_told_when_each_reply_is_heard(
    customer: Customer, peer: WirePeer
) -> None:
    call = await talking(customer, peer)
    await call.speak(pcm16(A_SECOND))
    await call.played(OUTPUT_RATE_HZ)
    await call.speak(pcm16(SPEECH))
    await call.played(2 * OUTPUT_RATE_HZ)
    await call.flush()
    await call.speak(pcm16(A_SECOND))
    await call.played(call.position)
    heard = [e for e in call.events if e["type"] == "heard"]
    assert [e["position"] for e in heard] == [0, 24_000, 24_000 + len(SPEECH)]
    assert all(5 < e["afterMs"] < 1000 for e in heard), heard
    assert all(0 < e["rttMs"] < 1000 for e in heard), heard


# Interruptions


async def test_a_barge_in_silences_at_once_and_cuts_what_was_not_said(
    customer: Customer, peer: WirePeer
) -> None:
    call = await talking(customer, peer)
    await call.caption("assistant", "Su pedido contiene muchas cosas.", stage="planned", position=0)
    await call.caption(
        "assistant", "Y esto no se oye.", stage="planned", segment=2, position=5 * OUTPUT_RATE_HZ
    )
    await call.speak(pcm16(SPEECH))
    await call.played(OUTPUT_RATE_HZ)
    await expect(customer.log).to_contain_text("muchas cosas")
    await call.flush()
    await call.say({"type": "interrupted", "turn": 1, "generation": 1})
    await call.speak(pcm16(A_SECOND), generation=0)  # late, and stale
    await expect(customer.log.locator("s")).to_have_text("Su pedido contiene muchas cosas.")
    await expect(customer.log).to_contain_text("Interrumpido")
    await expect(customer.log).not_to_contain_text("Y esto no se oye.")
    await expect(customer.status).to_have_text("Escuchando")
    assert call.acks[-1].generation == 1
    assert call.acks[-1].position < 3 * OUTPUT_RATE_HZ, "acknowledged is what was heard"
    await screenshot(customer.page, "desk-interrupted")
    assert audible_s(*await recording(customer.page)) < 3

    await call.caption("assistant", "Su pedido contiene", position=0)  # what was really heard
    await expect(customer.log.locator("s")).to_have_count(0)
    await expect(customer.log).to_contain_text("Su pedido contiene")
    await expect(customer.log).not_to_contain_text("muchas cosas")
    await expect(customer.log).to_contain_text("Interrumpido")
    await call.caption("assistant", "Dígame.", stage="planned", turn=2)
    await call.speak(pcm16(A_SECOND))
    await expect(customer.log).to_contain_text("Dígame.")


async def test_escape_silences_this_reply_and_not_the_next(
    customer: Customer, peer: WirePeer
) -> None:
    call = await talking(customer, peer)
    await call.caption("assistant", "Una respuesta muy larga.", stage="planned")
    await call.speak(pcm16(SPEECH), last=False)
    await expect(customer.status).to_have_text("Hablando")
    await customer.page.keyboard.press("Escape")
    await expect(customer.status).to_have_text("Escuchando")
    await expect(customer.log).to_contain_text("Una respuesta muy larga.")
    await call.played(len(SPEECH))  # or the server would hold back what comes next
    await call.speak(pcm16(A_SECOND))
    await expect(customer.status).to_have_text("Hablando")


# What goes wrong


async def test_a_socket_that_closes_at_once_ends_the_call(
    customer: Customer, peer: WirePeer
) -> None:
    await customer.talk.click()
    call = await peer.call()
    await call.socket.close(1013)
    await expect(customer.alert).to_contain_text("demasiadas llamadas")
    await expect(customer.talk).to_have_text("Hablar")


async def test_nonsense_from_the_server_ends_the_call(customer: Customer, peer: WirePeer) -> None:
    call = await talking(customer, peer)
    await call.nonsense()
    await expect(customer.alert).to_contain_text("no se entendieron")
    assert await call.closed() == 4002


async def test_what_the_server_says_went_wrong_is_what_is_shown(
    customer: Customer, peer: WirePeer
) -> None:
    call = await talking(customer, peer)
    message = "El servicio está ocupado. Intente en un momento."
    await call.say({"type": "error", "code": "throttled", "message": message, "retryable": True})
    await call.say({"type": "ended", "reason": "error"})
    await call.socket.close(1011)
    await expect(customer.alert).to_contain_text(message)
    await expect(customer.button("Empezar de nuevo")).to_be_visible()


async def test_a_denied_microphone_says_what_to_do_and_leaves_typing(peer: WirePeer) -> None:
    async with chromium(allowed=False) as browser, customer_at(browser, peer.url) as customer:
        await customer.talk.click()
        await expect(customer.alert).to_contain_text("no tiene permiso para usar el micrófono")
        await expect(customer.talk).to_have_attribute("aria-pressed", "false")
        assert peer.connections == 0
        await screenshot(customer.page, "desk-denied")
        await customer.write("Hola")
        call = await peer.call()
        await call.ready()
        await call.event("text")
        await expect(customer.alert).not_to_contain_text("micrófono")


async def test_a_microphone_that_goes_away_is_opened_again(
    customer: Customer, peer: WirePeer
) -> None:
    call = await talking(customer, peer)
    await call.audio_ms(100)
    await customer.page.evaluate(
        "(track => { track.stop(); track.dispatchEvent(new Event('ended')) })"
        "(tests.streams[0].getAudioTracks()[0])"
    )
    await call.audio_ms(len(call.audio) // 32 + 500)
    assert await customer.page.evaluate("tests.streams.length") == 2
    await expect(customer.status).to_have_text("Escuchando")
    assert call.faults == []


async def test_sound_that_is_held_back_asks_to_be_touched(
    customer: Customer, peer: WirePeer
) -> None:
    await talking(customer, peer)
    touch = customer.button("Tocá para activar el sonido")
    await expect(touch).to_be_hidden()
    await customer.page.evaluate("tests.contexts[0].suspend()")
    await expect(touch).to_be_visible()
    await expect(customer.status).to_have_text("En pausa")
    await touch.click()
    await expect(touch).to_be_hidden()
    await expect(customer.status).to_have_text("Escuchando")


# The button


async def test_hanging_up_before_the_call_has_begun_leaves_nothing_open(
    customer: Customer, peer: WirePeer
) -> None:
    await customer.page.evaluate(
        "document.querySelector('[data-part=call-button]').click();"
        "document.querySelector('[data-part=call-button]').click()"
    )
    await expect(customer.talk).to_have_text("Hablar")
    await expect(customer.status).to_have_text("Listo para ayudarte")
    call = await talking(customer, peer)  # and the page still works
    await call.audio_ms(100)
    assert peer.connections == 1
    live = "tests.streams.filter(s => s.getTracks().some(t => t.readyState === 'live')).length"
    assert await customer.page.evaluate(live) == 1


async def test_a_double_click_is_one_click(customer: Customer, peer: WirePeer) -> None:
    await customer.talk.dblclick()
    call = await peer.call()
    await call.ready()
    await expect(customer.status).to_have_text("Escuchando")
    assert peer.connections == 1


async def test_the_keyboard_holds_a_whole_call(customer: Customer, peer: WirePeer) -> None:
    await customer.talk.focus()
    await customer.page.keyboard.press("Space")
    call = await peer.call()
    await call.ready()
    await expect(customer.status).to_have_text("Escuchando")
    await expect(customer.talk).to_be_focused()
    await customer.page.keyboard.press("Enter")
    assert await call.closed() == 1000


async def test_the_last_words_are_heard_to_the_end(customer: Customer, peer: WirePeer) -> None:
    call = await talking(customer, peer)
    await call.caption("assistant", "Hasta luego.", position=0)
    await call.speak(pcm16(SPEECH[: 3 * OUTPUT_RATE_HZ]))
    await call.say({"type": "ended", "reason": "model"})
    await expect(customer.status).to_have_text("Hablando")
    assert await call.closed() == 1000
    assert "end" not in [e["type"] for e in call.events], "nobody hangs up on a goodbye"
    await expect(customer.status).to_have_text("La conversación terminó")
    await expect(customer.log).to_contain_text("Hasta luego.")
    assert audible_s(*await recording(customer.page)) > 2.8


async def test_last_words_that_come_before_the_sound_card_knows_of_them_are_heard(
    customer: Customer, peer: WirePeer
) -> None:
    """The end of the call may overtake the speaker's first report; a busy machine shows it."""
    call = await talking(customer, peer)
    touch = customer.button("Tocá para activar el sonido")
    await customer.page.evaluate("tests.contexts[0].suspend()")
    await expect(touch).to_be_visible()
    await call.speak(pcm16(SPEECH[: 2 * OUTPUT_RATE_HZ]))
    await call.say({"type": "ended", "reason": "model"})
    await expect(customer.talk).to_have_text("Hablar")
    await touch.click()
    await expect(customer.status).to_have_text("Hablando")
    await expect(customer.status).to_have_text("La conversación terminó")
    await expect(touch).to_be_hidden()
    assert audible_s(*await recording(customer.page)) > 1.8


async def test_a_call_that_ends_in_silence_lets_go_of_everything(
    customer: Customer, peer: WirePeer
) -> None:
    call = await talking(customer, peer)
    await call.say({"type": "ended", "reason": "idle"})
    await expect(customer.alert).to_contain_text("sin que nadie hablara")
    await customer.page.wait_for_function("tests.contexts[0].state === 'closed'")
    live = "tests.streams.filter(s => s.getTracks().some(t => t.readyState === 'live')).length"
    assert await customer.page.evaluate(live) == 0


# How it looks


async def test_everything_has_its_name(customer: Customer) -> None:
    page = customer.page
    await expect(page).to_have_title("Clínica del Sol · Hablá con Carlos")
    await expect(page.locator("html")).to_have_attribute("lang", "es")
    await expect(customer.button("Hablar")).to_be_visible()
    await expect(customer.button("Enviar")).to_be_visible()
    await expect(page.get_by_role("textbox", name="Escribí tu consulta")).to_be_visible()
    await expect(page.get_by_role("log", name="Lo que se dijo")).to_have_attribute(
        "aria-live", "polite"
    )
    await expect(page.get_by_role("heading", name="Carlos")).to_be_visible()
    nameless = "[...document.querySelectorAll('button, input')].filter(e => !e.labels?.length"
    nameless += " && !e.innerText.trim() && !e.ariaLabel && e.checkVisibility()).length"
    assert await page.evaluate(nameless) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_small_screen_shows_all_of_it(
    customer: Customer, peer: WirePeer, scheme: str
) -> None:
    page = customer.page
    await page.set_viewport_size({"width": 360, "height": 640})
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    await screenshot(page, f"phone-idle-{scheme}")
    await expect(customer.talk).to_be_in_viewport(ratio=1)
    call = await talking(customer, peer)
    await call.caption("user", "Agenda una cita para mañana a las 10 con el Dr. Rodríguez")
    await call.caption("assistant", "Claro. ¿A nombre de quién la agendo, por favor?", position=-1)
    await expect(customer.log).to_contain_text("¿A nombre de quién")
    await screenshot(page, f"phone-call-{scheme}")
    for shown in (customer.talk, customer.status, customer.button("Enviar")):
        await expect(shown).to_be_in_viewport(ratio=1)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    assert await page.evaluate("document.documentElement.scrollHeight") <= 640


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_small_screen_shows_all_of_what_goes_wrong(
    customer: Customer, peer: WirePeer, scheme: str
) -> None:
    page = customer.page
    customer.forgiven = re.compile(r"WebSocket connection to .* failed|status of 503")
    await page.set_viewport_size({"width": 360, "height": 640})
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    peer.refusal = Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "Todas las líneas están ocupadas.", 30)
    await customer.talk.click()
    await expect(customer.alert).to_contain_text("ocupadas")
    await screenshot(page, f"phone-busy-{scheme}")
    await expect(customer.button("Empezar de nuevo")).to_be_in_viewport(ratio=1)

    peer.refusal = None
    call = await talking(customer, peer)
    await call.caption("user", "Agenda una cita para mañana a las 10 con el Dr. Rodríguez")
    peer.refuses = True
    call.drop()
    await expect(customer.status).to_have_text("Reconectando…")
    await screenshot(page, f"phone-retrying-{scheme}")
    peer.refuses, peer.forgets = False, True
    await expect(customer.alert).to_contain_text("Esa conversación ya terminó.")
    await screenshot(page, f"phone-gone-{scheme}")
    for shown in (customer.button("Empezar de nuevo"), customer.button("Enviar")):
        await expect(shown).to_be_in_viewport(ratio=1)

    peer.forgets = False
    await talking(customer, peer)
    await page.evaluate("tests.contexts.at(-1).suspend()")
    await expect(customer.status).to_have_text("En pausa")
    await screenshot(page, f"phone-paused-{scheme}")
    await expect(customer.button("Tocá para activar el sonido")).to_be_in_viewport(ratio=1)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    assert await page.evaluate("document.documentElement.scrollHeight") <= 640


async def test_who_asks_for_less_motion_gets_none(customer: Customer, peer: WirePeer) -> None:
    await customer.page.emulate_media(reduced_motion="reduce")
    call = await talking(customer, peer)
    await call.caption("user", "Hola")
    await expect(customer.status).to_have_text("Pensando")
    assert await customer.page.evaluate("document.getAnimations().length") == 0
