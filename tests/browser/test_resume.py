"""Calls that are resumed after a lost connection or a reload of the page."""

import numpy as np
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
from tests.browser.chromium import get_recording, save_screenshot
from tests.browser.customer import Customer, disconnected, start_typed_call, start_voice_call
from tests.browser.fake_call import (
    FIRST,
    INPUT_BYTES_PER_MS,
    OUTPUT_RATE_HZ,
    RESENT,
)
from tests.browser.fake_server import FakeServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

SPEECH = make_speech_like_noise(OUTPUT_RATE_HZ, 6, seed=2)
ONE_SECOND = SPEECH[:OUTPUT_RATE_HZ]
BUFFERED = 4 * OUTPUT_RATE_HZ  # samples in the page before it disconnects: enough to avoid a stall


# Nothing is lost or doubled


async def test_reply_plays_whole_over_lost_connection(
    customer: Customer, server: FakeServer
) -> None:
    call = await start_typed_call(customer, server)
    await call.send_audio(to_pcm16(SPEECH[:BUFFERED]), last=False)
    await call.wait_until_played(OUTPUT_RATE_HZ // 2)
    await call.wait_until(lambda: call.acks[-1].sequence >= BUFFERED // 960)
    async with disconnected(customer, server, call):
        # The disconnect may take longer than what is buffered.
        await customer.page.evaluate("tests.contexts[0].suspend()")
        await save_screenshot(customer.page, "desktop-retrying")
        await call.send_audio(to_pcm16(SPEECH[BUFFERED:]), first=False)
    await customer.page.evaluate("tests.contexts[0].resume()")
    await customer.until_status_shown("Hablando")
    await call.wait_until_played(len(SPEECH))
    await expect(customer.status).to_have_text("Escribí tu consulta")
    resume = call.resumes[0]
    assert resume.position >= OUTPUT_RATE_HZ // 2, "the played position is reported"
    assert resume.sequence == 1 + BUFFERED // 960
    output, rate_hz = await get_recording(customer.page)
    assert_contains_unbroken(upsample(output, rate_hz), upsample(SPEECH, OUTPUT_RATE_HZ))
    assert call.violations == []


async def test_reply_plays_whole_over_two_lost_connections(
    customer: Customer, server: FakeServer
) -> None:
    call = await start_typed_call(customer, server)
    await call.send_audio(to_pcm16(SPEECH[:BUFFERED]), last=False)
    for count, part in enumerate(np.split(SPEECH[BUFFERED:], 2), start=1):
        await call.wait_until_played(count * OUTPUT_RATE_HZ // 2)
        call.abort_connection()
        await call.send_audio(to_pcm16(part), first=False, last=count == 2)
        await call.wait_for_resume(count)
    await call.wait_until_played(len(SPEECH))
    output, rate_hz = await get_recording(customer.page)
    assert_contains_unbroken(upsample(output, rate_hz), upsample(SPEECH, OUTPUT_RATE_HZ))
    await expect(customer.status).to_have_text("Escribí tu consulta")
    assert call.violations == []


async def test_unacknowledged_microphone_audio_is_resent(
    customer: Customer, server: FakeServer
) -> None:
    call = await start_voice_call(customer, server)
    await call.wait_for_audio(500)
    call.drops_frames = True
    await call.wait_until(lambda: call.dropped_frames > 10)
    await customer.page.evaluate("tests.contexts[0].suspend()")  # no audio is recorded meanwhile
    async with disconnected(customer, server, call):
        call.drops_frames = False
    await customer.page.evaluate("tests.contexts[0].resume()")
    await call.wait_for_more_audio(1500)
    assert len(call.resent) > 10
    assert call.violations == []
    microphone, rate_hz = await get_recording(customer.page, "input")
    received = from_pcm16(bytes(call.audio[: 2 * 32_000]))[4_000:]
    assert_contains_unbroken(upsample(microphone, rate_hz), upsample(received, 16_000))


async def test_lost_text_is_resent_and_received_text_is_not(
    customer: Customer, server: FakeServer
) -> None:
    call = await start_typed_call(customer, server, "uno")
    call.drops_frames = True
    await customer.send_text("dos")
    await expect(customer.transcript).to_contain_text("dos")
    async with disconnected(customer, server, call):
        call.drops_frames = False
        await customer.send_text("tres")
        await expect(customer.transcript).to_contain_text("tres")
    await call.wait_until(lambda: len(call.texts()) >= 3)
    assert call.texts() == ["uno", "dos", "tres"]
    assert call.violations == []
    await expect(customer.page.locator(".entry-user")).to_have_count(3)


async def test_missed_captions_are_shown_once(customer: Customer, server: FakeServer) -> None:
    call = await start_typed_call(customer, server)
    await call.send_caption("user", "Hola")
    await call.send_caption("assistant", "Buenas.", segment=2)
    await expect(customer.transcript).to_contain_text("Buenas.")
    async with disconnected(customer, server, call):
        await call.send_caption("assistant", "¿Qué necesita?", segment=3)
    await expect(customer.transcript).to_contain_text("Buenas. ¿Qué necesita?")
    assert call.event_types().count("text") == 1
    await expect(customer.page.locator(".segment")).to_have_count(3)


async def test_interruption_while_disconnected_silences_at_resume(
    customer: Customer, server: FakeServer
) -> None:
    call = await start_voice_call(customer, server)
    await call.send_caption("assistant", "Una respuesta larga.", stage="planned")
    await call.send_audio(to_pcm16(SPEECH))
    await call.wait_until_played(OUTPUT_RATE_HZ // 2)
    await customer.page.evaluate("tests.contexts[0].suspend()")  # however long the disconnect takes
    async with disconnected(customer, server, call):
        await call.flush()
        await call.send_event({"type": "interrupted", "turn": 1, "generation": 1})
    await customer.page.evaluate("tests.contexts[0].resume()")
    await expect(customer.status).to_have_text("Escuchando")
    await expect(customer.transcript).to_contain_text("Interrumpido")
    assert audible_duration_s(*await get_recording(customer.page)) < 4
    await call.send_audio(to_pcm16(ONE_SECOND))
    await customer.until_status_shown("Hablando")


# Other disconnects


async def test_announced_handover_is_resumed_without_notice(
    customer: Customer, server: FakeServer
) -> None:
    call = await start_voice_call(customer, server)
    await call.send_audio(to_pcm16(SPEECH[:BUFFERED]), last=False)
    await call.wait_until_played(OUTPUT_RATE_HZ // 2)
    await customer.forget_statuses()
    await call.send_event({"type": "moving", "resumeAfterMs": 300})
    await call.socket.close(1012)
    await call.send_audio(to_pcm16(SPEECH[BUFFERED:]), first=False)
    await call.wait_for_resume()
    await call.wait_until_played(len(SPEECH))
    await expect(customer.status).to_have_text("Escuchando")
    assert await customer.shown_statuses() == ["Escuchando"]
    output, rate_hz = await get_recording(customer.page)
    assert_contains_unbroken(upsample(output, rate_hz), upsample(SPEECH, OUTPUT_RATE_HZ))


async def test_call_restored_from_storage_continues(customer: Customer, server: FakeServer) -> None:
    server.restores_calls = True
    call = await start_voice_call(customer, server)
    await call.flush()
    await call.send_audio(to_pcm16(ONE_SECOND), last=False)  # its end never arrives
    await call.wait_for_audio(300)
    await call.wait_until_played(OUTPUT_RATE_HZ // 2)
    call.abort_connection()
    await call.wait_for_resume()
    await expect(customer.status).to_have_text("Escuchando")
    assert all(frame.flags & RESENT for frame in call.resent)
    await call.wait_for_more_audio(300)
    await call.send_caption("assistant", "Sigamos.", turn=2)
    await call.send_audio(to_pcm16(ONE_SECOND))
    await customer.until_status_shown("Hablando")
    await expect(customer.transcript).to_contain_text("Sigamos.")
    await customer.send_text("¿Seguimos?")
    assert (await call.wait_for_event("text"))["text"] == "¿Seguimos?"


async def test_absent_assistant_is_shown(customer: Customer, server: FakeServer) -> None:
    call = await start_voice_call(customer, server)
    await call.send_caption("user", "Hola")
    await call.send_event({"type": "assistant", "phase": "away"})
    await expect(customer.status).to_have_text("Un momento, retomando…")
    await save_screenshot(customer.page, "desktop-away")
    await call.send_event({"type": "assistant", "phase": "back"})
    await expect(customer.status).to_have_text("Pensando")


# The end of a disconnected call


async def test_resume_timeout_shows_lost_call_and_offers_another(
    customer: Customer, server: FakeServer
) -> None:
    server.resume_timeout_s = 1
    await customer.page.reload()
    call = await start_voice_call(customer, server)
    await call.send_caption("user", "Hola")
    server.refuses_sockets = True
    call.abort_connection()
    await customer.until_status_shown("Reconectando…")
    await expect(customer.alert).to_contain_text("no pudimos retomar la llamada")
    await expect(customer.call_button).to_have_attribute("aria-pressed", "false")
    await save_screenshot(customer.page, "desktop-lost")
    server.refuses_sockets = False
    await customer.button("Empezar de nuevo").click()
    again = await server.wait_for_call()
    await again.send_ready()
    await expect(customer.status).to_have_text("Escuchando")
    await expect(customer.alert).not_to_contain_text("Se cortó")
    await expect(customer.transcript).to_contain_text("Nueva conversación")
    await expect(customer.transcript).to_contain_text("Hola")


async def test_call_unknown_to_server_is_over(customer: Customer, server: FakeServer) -> None:
    call = await start_voice_call(customer, server)
    server.forgets_calls = True
    call.abort_connection()
    await expect(customer.alert).to_contain_text("Esa conversación ya terminó.")
    await expect(customer.status).to_have_text("La conversación terminó")
    await save_screenshot(customer.page, "desktop-gone")
    server.forgets_calls = False
    await customer.button("Empezar de nuevo").click()
    await (await server.wait_for_call()).send_ready()
    await expect(customer.status).to_have_text("Escuchando")


async def test_hang_up_while_reconnecting_reaches_server(
    customer: Customer, server: FakeServer
) -> None:
    call = await start_voice_call(customer, server)
    server.refuses_sockets = True
    call.abort_connection()
    for _ in range(3):  # now the page waits 2.7 s
        await server.refused_sockets.acquire()
    server.refuses_sockets = False
    await customer.hang_up()
    await expect(customer.status).to_have_text("La conversación terminó")
    await call.wait_for_event("end")
    assert await call.wait_until_closed() == 1000
    await start_voice_call(customer, server)  # and the page still works


async def test_hang_up_during_handover_reaches_server(
    customer: Customer, server: FakeServer
) -> None:
    call = await start_voice_call(customer, server)
    await call.send_event({"type": "moving", "resumeAfterMs": 60_000})
    await call.socket.close(1012)
    await customer.hang_up()
    await call.wait_for_event("end")
    assert await call.wait_until_closed() == 1000


# A reloaded page


async def test_reloaded_page_resumes_voice_call(customer: Customer, server: FakeServer) -> None:
    call = await start_voice_call(customer, server)
    await call.send_caption("user", "¿Cómo está mi pedido?")
    await call.send_caption("assistant", "Su pedido está en camino.", segment=2, position=0)
    await call.send_audio(to_pcm16(SPEECH))
    await call.wait_until_played(OUTPUT_RATE_HZ)
    audio_bytes_before = len(call.audio)
    await customer.page.reload()
    resume = await call.wait_for_resume()
    assert resume.flags & FIRST
    assert OUTPUT_RATE_HZ <= resume.position < len(SPEECH)
    await expect(customer.transcript).to_contain_text("Su pedido está en camino.")
    await expect(customer.page.locator(".entry")).to_have_count(2)
    await expect(customer.status).to_have_text("En pausa")  # Chromium suspends audio until a click
    await save_screenshot(customer.page, "desktop-reloaded")
    await expect(customer.call_button).to_be_hidden()  # one main button
    await customer.button("Tocá para activar el sonido").click()
    await customer.until_status_shown("Hablando")
    await expect(customer.call_button).to_have_text("Apagar el micrófono")
    await call.wait_until_played(len(SPEECH))
    await expect(customer.status).to_have_text("Escuchando")
    await call.wait_for_audio(audio_bytes_before // INPUT_BYTES_PER_MS + 500)
    output, rate_hz = await get_recording(customer.page)
    rest = SPEECH[resume.position :]
    assert_contains_unbroken(
        upsample(output, rate_hz), upsample(rest[OUTPUT_RATE_HZ // 10 :], OUTPUT_RATE_HZ)
    )
    assert audible_duration_s(output, rate_hz) < len(rest) / OUTPUT_RATE_HZ + 0.05, (
        "nothing is played twice"
    )
    assert "end" not in call.event_types()
    assert call.violations == []


async def test_reloaded_page_resumes_typed_call_without_microphone(
    customer: Customer, server: FakeServer
) -> None:
    call = await start_typed_call(customer, server)
    await call.send_caption("user", "Hola")
    await call.send_caption("assistant", "Buenas.", segment=2)
    await customer.page.reload()
    await call.wait_for_resume()
    await expect(customer.transcript).to_contain_text("Buenas.")
    await expect(customer.status).to_have_text("Escribí tu consulta")
    await expect(customer.call_button).to_be_hidden()  # one main button: the sound's
    await expect(customer.button("Tocá para activar el sonido")).to_be_visible()
    await customer.send_text("¿Seguimos?")
    await call.wait_until(lambda: len(call.texts()) == 2)
    assert call.texts() == ["Hola", "¿Seguimos?"]
    assert await customer.page.evaluate("tests.streams.length") == 0


async def test_reloaded_page_can_hang_up_at_once(customer: Customer, server: FakeServer) -> None:
    call = await start_voice_call(customer, server)
    for _ in range(2):  # the second reload comes before the first one has resumed
        await customer.page.reload()
    await customer.hang_up()
    await call.wait_for_event("end")
    await expect(customer.status).to_have_text("La conversación terminó")


async def test_ended_call_is_not_resumed(customer: Customer, server: FakeServer) -> None:
    await start_voice_call(customer, server)
    await customer.hang_up()
    await customer.page.reload()
    await expect(customer.status).to_have_text("Listo para ayudarte")
    call = await start_voice_call(customer, server)
    await call.send_event({"type": "ended", "reason": "limit"})
    await expect(customer.alert).to_contain_text("tiempo máximo")
    await customer.page.reload()
    await expect(customer.status).to_have_text("Listo para ayudarte")
    assert server.connections == 2


async def test_page_from_browser_cache_resumes_call(customer: Customer, server: FakeServer) -> None:
    call = await start_voice_call(customer, server)
    await call.send_caption("user", "Hola")
    await call.send_caption("assistant", "Buenas.", segment=2)
    page_event = "dispatchEvent(new PageTransitionEvent('{}', {{ persisted: true }}))"
    await customer.page.evaluate(page_event.format("pagehide"))
    await call.wait_until_closed()
    assert await customer.live_streams() == 0, "the microphone is closed"
    await customer.page.evaluate(page_event.format("pageshow"))
    await call.wait_for_resume()
    await expect(customer.status).to_have_text("Escuchando")
    await expect(customer.page.locator(".entry")).to_have_count(2)
    assert "end" not in call.event_types()


async def test_newest_window_takes_over_call(customer: Customer, server: FakeServer) -> None:
    call = await start_voice_call(customer, server)
    await call.send_caption("user", "Hola")
    async with customer.page.expect_popup() as opening:
        await customer.page.evaluate("open(location.href); undefined")  # copies the tab's storage
    other = Customer(await opening.value)
    await call.wait_for_resume()
    await expect(other.transcript).to_contain_text("Hola")
    await expect(other.status).to_have_text("Pensando")
    await expect(customer.alert).to_contain_text("La llamada sigue en otra ventana.")
    await expect(customer.status).to_have_text("En otra ventana")
    await save_screenshot(customer.page, "desktop-elsewhere")
    await customer.page.reload()
    await expect(customer.status).to_have_text("Listo para ayudarte")
    await other.hang_up()
    await call.wait_for_event("end")
    await other.page.close()


async def test_window_that_loses_a_speaking_call_says_so(
    customer: Customer, server: FakeServer
) -> None:
    call = await start_voice_call(customer, server)
    await call.send_caption("assistant", "Una respuesta larga.", stage="planned")
    await call.send_audio(to_pcm16(SPEECH))
    await customer.until_status_shown("Hablando")
    async with customer.page.expect_popup() as opening:
        await customer.page.evaluate("open(location.href); undefined")
    other = Customer(await opening.value)
    await call.wait_for_resume()
    await expect(customer.status).to_have_text("En otra ventana")
    await expect(customer.alert).to_contain_text("La llamada sigue en otra ventana.")
    await other.page.close()


async def test_skipped_reply_is_still_cut_after_a_reload(
    customer: Customer, server: FakeServer
) -> None:
    call = await start_voice_call(customer, server)
    await call.send_caption("assistant", "Su pedido está en camino.", position=0)
    await call.send_caption(
        "assistant", "Llega el viernes.", segment=2, position=10 * OUTPUT_RATE_HZ
    )
    await call.send_audio(to_pcm16(SPEECH))
    await call.wait_until_played(OUTPUT_RATE_HZ // 2)
    await customer.page.keyboard.press("Escape")
    cut = customer.page.locator("[data-stage=cut]")
    await expect(cut).to_have_text("Su pedido está en camino…")
    await customer.page.reload()
    await call.wait_for_resume()
    await expect(cut).to_have_text("Su pedido está en camino…")
    await expect(customer.transcript).to_contain_text("Interrumpido")
    await expect(customer.transcript).not_to_contain_text("Llega el viernes.")


async def test_forbidden_storage_prevents_only_resuming_after_reload(
    customer: Customer, server: FakeServer
) -> None:
    await customer.page.add_init_script(
        "Object.defineProperty(window, 'sessionStorage', { get() { throw new Error() } })"
    )
    await customer.page.reload()
    call = await start_voice_call(customer, server)
    call.abort_connection()
    await call.wait_for_resume()
    await customer.page.reload()
    await expect(customer.status).to_have_text("Listo para ayudarte")
