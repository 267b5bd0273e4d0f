"""Calls on the page, against a server that misbehaves on command."""

import re
from http import HTTPStatus

import pytest
from playwright.async_api import expect

from tests.browser.audio_signals import (
    assert_contains_unbroken,
    audible_duration_s,
    from_pcm16,
    make_speech_like_noise,
    to_pcm16,
    upsample,
)
from tests.browser.chromium import get_recording, run_chromium, save_screenshot
from tests.browser.customer import Customer, open_page, start_voice_call
from tests.browser.fake_call import OUTPUT_RATE_HZ
from tests.browser.fake_server import FakeServer, TicketRefusal

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

SPEECH = make_speech_like_noise(OUTPUT_RATE_HZ, 6, seed=2)
ONE_SECOND = SPEECH[:OUTPUT_RATE_HZ]


# A turn


async def test_spoken_turn_is_answered_and_captioned(
    customer: Customer, server: FakeServer
) -> None:
    await expect(customer.call_button).to_have_attribute("aria-pressed", "false")
    await save_screenshot(customer.page, "desktop-idle")
    call = await start_voice_call(customer, server)
    await expect(customer.call_button).to_have_attribute("aria-pressed", "true")
    await expect(customer.call_button).to_have_text("Apagar el micrófono")
    start = {"type": "start", "ticket": "ticket-1", "inputSampleRateHz": 16_000}
    assert await call.wait_for_event("start") == start
    await call.wait_for_audio(300)

    await call.send_caption("user", "Consulta el pedido número 1 con DNI 12345678")
    await expect(customer.status).to_have_text("Pensando")
    await call.send_event(
        {"type": "tool", "phase": "started", "toolUseId": "t1", "name": "consultarOrder"}
    )
    await expect(customer.transcript).to_contain_text("Consultando el pedido…")
    await save_screenshot(customer.page, "desktop-thinking")
    await call.send_event(
        {
            "type": "tool",
            "phase": "finished",
            "toolUseId": "t1",
            "name": "consultarOrder",
            "outcome": "ok",
            "durationMs": 42,
        }
    )
    await expect(customer.transcript).to_contain_text("Pedido consultado")

    await call.send_caption("assistant", "Su pedido está en camino.", stage="planned", position=0)
    await call.send_caption(
        "assistant", "Llega el viernes.", stage="planned", segment=2, position=4 * OUTPUT_RATE_HZ
    )
    await call.send_audio(to_pcm16(SPEECH))
    await customer.until_status_shown("Hablando")
    await expect(customer.transcript).to_contain_text("Su pedido está en camino.")
    await expect(customer.transcript).not_to_contain_text("Llega el viernes.")
    await expect(customer.page.locator("[data-stage=planned]")).to_have_attribute(
        "aria-hidden", "true"
    )
    await save_screenshot(customer.page, "desktop-speaking")
    await call.send_caption("assistant", "Su pedido está en camino.", position=0)
    await call.send_caption(
        "assistant", "Llega el viernes.", segment=2, position=4 * OUTPUT_RATE_HZ
    )
    await expect(customer.transcript).to_contain_text("Llega el viernes.")

    await call.wait_until_played(len(SPEECH))
    await expect(customer.status).to_have_text("Escuchando")
    await expect(customer.page.locator("[data-stage=planned]")).to_have_count(0)
    await save_screenshot(customer.page, "desktop-turn")

    await customer.hang_up()
    await call.wait_for_event("end")
    assert await call.wait_until_closed() == 1000
    await expect(customer.call_button).to_have_text("Hablar")
    assert call.violations == []


async def test_burst_reaches_loudspeaker_without_lost_sample(
    customer: Customer, server: FakeServer
) -> None:
    call = await start_voice_call(customer, server)
    await call.send_audio(to_pcm16(SPEECH[: 2 * OUTPUT_RATE_HZ]))
    ack = await call.wait_until_played(2 * OUTPUT_RATE_HZ)
    assert ack.position == 2 * OUTPUT_RATE_HZ
    assert len(call.acks) >= 3, "not only one at its end"
    await expect(customer.status).to_have_text("Escuchando")
    output, rate_hz = await get_recording(customer.page)
    assert_contains_unbroken(
        upsample(output, rate_hz), upsample(SPEECH[: 2 * OUTPUT_RATE_HZ], OUTPUT_RATE_HZ)
    )


async def test_microphone_reaches_wire_without_lost_sample(
    customer: Customer, server: FakeServer
) -> None:
    call = await start_voice_call(customer, server)
    await call.wait_for_audio(2500)
    assert call.violations == []
    microphone, rate_hz = await get_recording(customer.page, "input")
    received = from_pcm16(bytes(call.audio[: 2 * 40_000]))[8_000:]
    assert_contains_unbroken(upsample(microphone, rate_hz), upsample(received, 16_000))


async def test_typed_turn_needs_no_microphone(customer: Customer, server: FakeServer) -> None:
    await customer.send_text("Consulta el pedido número 1")
    call = await server.wait_for_call()
    await expect(customer.transcript).to_contain_text("Consulta el pedido número 1")
    await call.send_ready()
    assert (await call.wait_for_event("text"))["text"] == "Consulta el pedido número 1"
    await call.send_caption("user", "Consulta el pedido número 1")
    await call.send_caption("assistant", "Está en camino.", stage="planned")
    await call.send_audio(to_pcm16(ONE_SECOND))
    await customer.until_status_shown("Hablando")
    await call.send_caption("assistant", "Está en camino.", position=0)
    await call.wait_until_played(OUTPUT_RATE_HZ)
    await expect(customer.status).to_have_text("Escribí tu consulta")
    await expect(customer.page.locator(".entry-user")).to_have_count(1)
    await expect(customer.call_button).to_have_attribute("aria-pressed", "false")
    await save_screenshot(customer.page, "desktop-typed")
    assert call.audio == b""

    await customer.call_button.click()  # continue the same call by voice
    await call.wait_for_audio(100)
    await expect(customer.status).to_have_text("Escuchando")
    assert server.connections == 1


async def test_typed_call_can_be_hung_up(customer: Customer, server: FakeServer) -> None:
    await customer.button("Quiero pedir un turno").click()
    call = await server.wait_for_call()
    await call.send_ready()
    await call.wait_for_event("text")
    await customer.hang_up()
    assert await call.wait_until_closed() == 1000


async def test_playback_start_of_each_reply_is_reported(
    customer: Customer, server: FakeServer
) -> None:
    call = await start_voice_call(customer, server)
    await call.send_audio(to_pcm16(ONE_SECOND))
    await call.wait_until_played(OUTPUT_RATE_HZ)
    await call.send_audio(to_pcm16(SPEECH))
    await call.wait_until_played(2 * OUTPUT_RATE_HZ)
    await call.flush()
    await call.send_audio(to_pcm16(ONE_SECOND))
    await call.wait_until_played(call.position)
    await call.wait_until(lambda: call.event_types().count("heard") >= 3)
    reports = [e for e in call.events if e["type"] == "heard"]
    assert [e["position"] for e in reports] == [0, 24_000, 24_000 + len(SPEECH)]
    assert all(5 < e["afterMs"] < 60_000 for e in reports), reports
    assert all(0 < e["rttMs"] < 60_000 for e in reports), reports


# Interruptions


async def test_barge_in_silences_and_cuts_captions(customer: Customer, server: FakeServer) -> None:
    call = await start_voice_call(customer, server)
    await call.send_caption(
        "assistant", "Su pedido contiene muchas cosas.", stage="planned", position=0
    )
    await call.send_caption(
        "assistant", "Y esto no se oye.", stage="planned", segment=2, position=5 * OUTPUT_RATE_HZ
    )
    await call.send_audio(to_pcm16(SPEECH))
    await call.wait_until_played(OUTPUT_RATE_HZ)
    await expect(customer.transcript).to_contain_text("muchas cosas")
    await call.flush()
    await call.send_event({"type": "interrupted", "turn": 1, "generation": 1})
    await call.send_audio(to_pcm16(ONE_SECOND), generation=0)  # stale
    cut = customer.transcript.locator("[data-stage=cut]")
    await expect(cut).to_have_text("Su pedido contiene muchas cosas…")
    await expect(customer.transcript).to_contain_text("Interrumpido")
    await expect(customer.transcript).not_to_contain_text("Y esto no se oye.")
    await expect(customer.status).to_have_text("Escuchando")
    await call.wait_until(lambda: call.acks[-1].generation == 1)
    assert call.acks[-1].position < 5 * OUTPUT_RATE_HZ, "only what was played is acknowledged"
    await save_screenshot(customer.page, "desktop-interrupted")
    assert audible_duration_s(*await get_recording(customer.page)) < 5

    await call.send_caption("assistant", "Su pedido contiene", position=0)  # what was heard of it
    await expect(cut).to_have_count(0)
    await expect(customer.transcript).to_contain_text("Su pedido contiene")
    await expect(customer.transcript).not_to_contain_text("muchas cosas")
    await expect(customer.transcript).to_contain_text("Interrumpido")
    await call.send_caption("assistant", "Dígame.", stage="planned", turn=2)
    await call.send_audio(to_pcm16(ONE_SECOND))
    await expect(customer.transcript).to_contain_text("Dígame.")


async def test_escape_skips_this_reply_but_not_the_next(
    customer: Customer, server: FakeServer
) -> None:
    call = await start_voice_call(customer, server)
    await call.send_caption("assistant", "Una respuesta muy larga.", stage="planned")
    await call.send_audio(to_pcm16(SPEECH) * 5, last=False)  # 30 s: no page is so slow
    await customer.until_status_shown("Hablando")
    await customer.page.keyboard.press("Escape")
    await expect(customer.status).to_have_text("Escuchando")
    await expect(customer.transcript).to_contain_text(re.compile("Una respuesta muy larga[….]"))
    await expect(customer.transcript).to_contain_text("Interrumpido")
    await call.wait_until_played(5 * len(SPEECH))  # or flow control would stop the next reply
    await call.send_audio(to_pcm16(ONE_SECOND))
    await customer.until_status_shown("Hablando")


# Failures


async def test_socket_closed_before_ready_ends_call(customer: Customer, server: FakeServer) -> None:
    await customer.call_button.click()
    call = await server.wait_for_call()
    await call.socket.close(1013)
    await expect(customer.alert).to_contain_text("demasiadas llamadas")
    await expect(customer.call_button).to_have_text("Hablar")


async def test_malformed_frame_ends_call(customer: Customer, server: FakeServer) -> None:
    call = await start_voice_call(customer, server)
    await call.send_malformed_frame()
    await expect(customer.alert).to_contain_text("no se entendieron")
    assert await call.wait_until_closed() == 4002


async def test_server_error_message_is_shown(customer: Customer, server: FakeServer) -> None:
    call = await start_voice_call(customer, server)
    message = "El servicio está ocupado. Intente en un momento."
    await call.send_event(
        {"type": "error", "code": "throttled", "message": message, "retryable": True}
    )
    await call.send_event({"type": "ended", "reason": "error"})
    await call.socket.close(1011)
    await expect(customer.alert).to_contain_text(message)
    await expect(customer.button("Empezar de nuevo")).to_be_visible()


async def test_denied_microphone_shows_help_and_allows_typing(server: FakeServer) -> None:
    async with (
        run_chromium(allow_microphone=False) as browser,
        open_page(browser, server.url) as customer,
    ):
        await customer.call_button.click()
        await expect(customer.alert).to_contain_text("no tiene permiso para usar el micrófono")
        await expect(customer.call_button).to_have_attribute("aria-pressed", "false")
        assert server.connections == 0
        await save_screenshot(customer.page, "desktop-denied")
        await customer.send_text("Hola")
        call = await server.wait_for_call()
        await call.send_ready()
        await call.wait_for_event("text")
        await expect(customer.alert).not_to_contain_text("micrófono")


async def test_lost_microphone_is_opened_again(customer: Customer, server: FakeServer) -> None:
    call = await start_voice_call(customer, server)
    await call.wait_for_audio(100)
    await customer.page.evaluate(
        "(track => { track.stop(); track.dispatchEvent(new Event('ended')) })"
        "(tests.streams[0].getAudioTracks()[0])"
    )
    await call.wait_for_more_audio(500)
    assert await customer.page.evaluate("tests.streams.length") == 2
    await expect(customer.status).to_have_text("Escuchando")
    assert call.violations == []


async def test_suspended_audio_shows_resume_button(customer: Customer, server: FakeServer) -> None:
    await start_voice_call(customer, server)
    resume_button = customer.button("Tocá para activar el sonido")
    await expect(resume_button).to_be_hidden()
    await customer.page.evaluate("tests.contexts[0].suspend()")
    await expect(resume_button).to_be_visible()
    await expect(customer.status).to_have_text("En pausa")
    await resume_button.click()
    await expect(resume_button).to_be_hidden()
    await expect(customer.status).to_have_text("Escuchando")


# The call button, and the end of a call


async def test_hanging_up_while_connecting_releases_everything(
    customer: Customer, server: FakeServer
) -> None:
    await customer.page.evaluate(
        "document.querySelector('[data-part=call-button]').click();"
        "requestAnimationFrame(() => document.querySelector('[data-part=hang-up-button]').click())"
    )
    await expect(customer.call_button).to_have_text("Hablar")
    await expect(customer.status).to_have_text("La conversación terminó")
    call = await start_voice_call(customer, server)  # and the page still works
    await call.wait_for_audio(100)
    assert server.connections == 1
    assert await customer.live_streams() == 1


async def test_double_click_counts_as_one_click(customer: Customer, server: FakeServer) -> None:
    await customer.call_button.dblclick()
    call = await server.wait_for_call()
    await call.send_ready()
    await expect(customer.status).to_have_text("Escuchando")
    assert server.connections == 1


async def test_keyboard_starts_and_ends_call(customer: Customer, server: FakeServer) -> None:
    await customer.call_button.focus()
    await customer.page.keyboard.press("Space")
    call = await server.wait_for_call()
    await call.send_ready()
    await expect(customer.status).to_have_text("Escuchando")
    await expect(customer.call_button).to_be_focused()
    await customer.page.keyboard.press("Enter")
    await expect(customer.status).to_have_text("Escribí tu consulta")
    await customer.page.keyboard.press("Enter")
    await expect(customer.status).to_have_text("Escuchando")
    await customer.page.keyboard.press("Tab")
    await expect(customer.button("Terminar la conversación")).to_be_focused()
    await customer.page.keyboard.press("Enter")
    assert await call.wait_until_closed() == 1000


async def test_last_reply_plays_to_its_end(customer: Customer, server: FakeServer) -> None:
    call = await start_voice_call(customer, server)
    await call.send_caption("assistant", "Hasta luego.", position=0)
    await call.send_audio(to_pcm16(SPEECH[: 3 * OUTPUT_RATE_HZ]))
    await call.send_event({"type": "ended", "reason": "model"})
    await customer.until_status_shown("Hablando")
    assert await call.wait_until_closed() == 1000
    assert "end" not in call.event_types(), "the server has ended the call"
    await expect(customer.status).to_have_text("La conversación terminó")
    await expect(customer.transcript).to_contain_text("Hasta luego.")
    assert audible_duration_s(*await get_recording(customer.page)) > 2.8


async def test_last_reply_plays_though_call_ends_before_first_report(
    customer: Customer, server: FakeServer
) -> None:
    """The end of the call may arrive before the player's first report, as on a busy machine."""
    call = await start_voice_call(customer, server)
    resume_button = customer.button("Tocá para activar el sonido")
    await customer.page.evaluate("tests.contexts[0].suspend()")
    await expect(resume_button).to_be_visible()
    await call.send_audio(to_pcm16(SPEECH[: 2 * OUTPUT_RATE_HZ]))
    await call.send_event({"type": "ended", "reason": "model"})
    await expect(customer.call_button).to_have_text("Hablar")
    await resume_button.click()
    await customer.until_status_shown("Hablando")
    await expect(customer.status).to_have_text("La conversación terminó")
    await expect(resume_button).to_be_hidden()
    assert audible_duration_s(*await get_recording(customer.page)) > 1.8


async def test_call_that_ends_in_silence_releases_everything(
    customer: Customer, server: FakeServer
) -> None:
    call = await start_voice_call(customer, server)
    await call.send_event({"type": "ended", "reason": "idle"})
    await expect(customer.alert).to_contain_text("sin que nadie hablara")
    await customer.page.wait_for_function("tests.contexts[0].state === 'closed'")
    assert await customer.live_streams() == 0


# Layout and accessibility


async def test_all_controls_have_accessible_names(customer: Customer) -> None:
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
    unnamed = "[...document.querySelectorAll('button, input')].filter(e => !e.labels?.length"
    unnamed += " && !e.innerText.trim() && !e.ariaLabel && e.checkVisibility()).length"
    assert await page.evaluate(unnamed) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_small_screen_shows_whole_call(
    customer: Customer, server: FakeServer, scheme: str
) -> None:
    page = customer.page
    await page.set_viewport_size({"width": 360, "height": 640})
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    await save_screenshot(page, f"phone-idle-{scheme}")
    await expect(customer.call_button).to_be_in_viewport(ratio=1)
    call = await start_voice_call(customer, server)
    await call.send_caption("user", "Agenda una cita para mañana a las 10 con el Dr. Rodríguez")
    await call.send_caption(
        "assistant", "Claro. ¿A nombre de quién la agendo, por favor?", position=-1
    )
    await expect(customer.transcript).to_contain_text("¿A nombre de quién")
    await save_screenshot(page, f"phone-call-{scheme}")
    for element in (customer.call_button, customer.status, customer.button("Enviar")):
        await expect(element).to_be_in_viewport(ratio=1)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    assert await page.evaluate("document.documentElement.scrollHeight") <= 640


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_small_screen_shows_whole_failures(
    customer: Customer, server: FakeServer, scheme: str
) -> None:
    page = customer.page
    customer.expected_errors = re.compile(r"WebSocket connection to .* failed|status of 503")
    await page.set_viewport_size({"width": 360, "height": 640})
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    server.ticket_refusal = TicketRefusal(
        HTTPStatus.SERVICE_UNAVAILABLE, "Todas las líneas están ocupadas.", 30
    )
    await customer.call_button.click()
    await expect(customer.alert).to_contain_text("ocupadas")
    await save_screenshot(page, f"phone-busy-{scheme}")
    await expect(customer.button("Empezar de nuevo")).to_be_in_viewport(ratio=1)

    server.ticket_refusal = None
    call = await start_voice_call(customer, server)
    await call.send_caption("user", "Agenda una cita para mañana a las 10 con el Dr. Rodríguez")
    server.refuses_sockets = True
    call.abort_connection()
    await expect(customer.status).to_have_text("Reconectando…")
    await save_screenshot(page, f"phone-retrying-{scheme}")
    server.refuses_sockets, server.forgets_calls = False, True
    await expect(customer.alert).to_contain_text("Esa conversación ya terminó.")
    await save_screenshot(page, f"phone-gone-{scheme}")
    for element in (customer.button("Empezar de nuevo"), customer.button("Enviar")):
        await expect(element).to_be_in_viewport(ratio=1)

    server.forgets_calls = False
    await start_voice_call(customer, server)
    await page.evaluate("tests.contexts.at(-1).suspend()")
    await expect(customer.status).to_have_text("En pausa")
    await save_screenshot(page, f"phone-paused-{scheme}")
    await expect(customer.button("Tocá para activar el sonido")).to_be_in_viewport(ratio=1)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    assert await page.evaluate("document.documentElement.scrollHeight") <= 640


async def test_reduced_motion_stops_animations(customer: Customer, server: FakeServer) -> None:
    await customer.page.emulate_media(reduced_motion="reduce")
    call = await start_voice_call(customer, server)
    await call.send_caption("user", "Hola")
    await expect(customer.status).to_have_text("Pensando")
    assert await customer.page.evaluate("document.getAnimations().length") == 0
