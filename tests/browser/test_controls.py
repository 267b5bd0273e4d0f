"""What the page offers around a call: microphone and hanging up, devices, self-test, summary, no https."""

import json
import re

import pytest
from playwright.async_api import BrowserContext, expect

from tests.browser.chromium import save_screenshot
from tests.browser.customer import Customer, open_page, start_typed_call, start_voice_call
from tests.browser.fake_server import FakeServer

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
]


async def test_stopping_the_microphone_keeps_the_call(
    customer: Customer, server: FakeServer
) -> None:
    call = await start_voice_call(customer, server)
    await call.wait_for_audio(100)
    await expect(customer.button("Terminar la conversación")).to_be_visible()
    await customer.button("Apagar el micrófono").click()
    await expect(customer.status).to_have_text("Escribí tu consulta")
    assert await customer.live_streams() == 0
    await customer.call_button.click()
    await expect(customer.status).to_have_text("Escuchando")
    await call.wait_for_more_audio(100)
    assert "end" not in call.event_types()
    assert server.connections == 1


async def test_microphone_muted_by_the_system_is_reported(
    customer: Customer, server: FakeServer
) -> None:
    await start_voice_call(customer, server)
    mute = "tests.streams[0].getAudioTracks()[0].dispatchEvent(new Event('{}'))"
    await customer.page.evaluate(mute.format("mute"))
    await expect(customer.status).to_have_text("Micrófono silenciado por el sistema")
    await customer.page.evaluate(mute.format("unmute"))
    await expect(customer.status).to_have_text("Escuchando")


async def test_screen_stays_on_during_a_call(customer: Customer, server: FakeServer) -> None:
    await customer.page.evaluate(
        """(() => {
            tests.locks = [];
            navigator.wakeLock.request = async (kind) => {
                const lock = { kind, released: false };
                lock.release = async () => { lock.released = true; };
                tests.locks.push(lock);
                return lock;
            };
        })()"""
    )
    locks = "tests.locks.map((lock) => `${lock.kind} ${lock.released}`)"
    await start_voice_call(customer, server)
    await customer.until_true(f"String({locks}) === 'screen false'")
    await customer.hang_up()
    await expect(customer.status).to_have_text("La conversación terminó")
    await customer.until_true(f"String({locks}) === 'screen true'")


async def test_summary_says_that_the_call_ended_how_long_and_what_was_done(
    customer: Customer, server: FakeServer
) -> None:
    call = await start_typed_call(customer, server)
    for number, (name, outcome) in enumerate(
        [("agendarTurno", "ok"), ("cancelarOrder", "refused")]
    ):
        tool = {"type": "tool", "toolUseId": str(number), "name": name}
        await call.send_event({**tool, "phase": "finished", "outcome": outcome})
    await expect(customer.transcript).to_contain_text("Turno agendado")
    await customer.hang_up()
    await expect(customer.alert).to_contain_text("La conversación terminó.")
    await expect(customer.alert).to_contain_text(re.compile(r"Duró \d+ s\. Turno agendado\."))
    await save_screenshot(customer.page, "desktop-summary")
    call = await start_typed_call(customer, server, "Otra")
    await expect(customer.alert).not_to_contain_text("Duró")
    await call.send_event({"type": "ended", "reason": "idle"})
    await expect(customer.alert).to_contain_text("No se hizo ninguna gestión.")


async def test_connecting_is_shown_where_the_conversation_will_be(
    customer: Customer, server: FakeServer
) -> None:
    await customer.call_button.click()
    await server.wait_for_call()
    await expect(customer.page.locator(".connecting")).to_have_text("Conectando…")
    await expect(customer.call_button).to_have_attribute("aria-disabled", "true")
    await customer.hang_up()
    await expect(customer.call_button).to_have_text("Hablar")


async def test_sound_panel_offers_devices_volume_and_meters(
    customer: Customer, server: FakeServer
) -> None:
    page = customer.page
    call = await start_voice_call(customer, server)
    await customer.button("Sonido").click()
    microphone = page.get_by_role("combobox", name="Micrófono")
    await expect(microphone.locator("option").nth(1)).to_be_attached()
    labels = await microphone.locator("option").all_inner_texts()
    assert labels[0] == "El del sistema"
    streams = await page.evaluate("tests.streams.length")
    await microphone.select_option(index=1)
    await customer.until_true(f"tests.streams.length > {streams}")
    await call.wait_for_more_audio(100)
    assert await customer.live_streams() == 1
    await expect(page.locator("meter")).not_to_have_js_property("value", 0)
    await page.get_by_label("Volumen").fill("0")
    await expect(page.locator("[data-part=quality]")).to_have_text(
        re.compile(r"^(Buena|Regular|Mala) \(\d+ ms\)")
    )
    await save_screenshot(page, "desktop-sound")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    assert call.violations == []


async def test_self_test_result_can_be_copied(customer: Customer, browser: BrowserContext) -> None:
    page = customer.page
    await browser.grant_permissions(["clipboard-read", "clipboard-write", "microphone"])
    await page.set_viewport_size({"width": 360, "height": 640})
    await customer.button("Sonido").click()
    await customer.button("Probar micrófono, sonido y conexión").click()
    result = page.get_by_label("Resultado de la prueba")
    copy = page.get_by_role("button", name="Copiar el resultado")
    await expect(copy).to_be_visible()
    await save_screenshot(page, "phone-self-test")
    text = await result.inner_text()
    for test in ("Página segura", "Micrófono", "Sonido", "Servidor", "Canal de voz"):
        assert f"{test}: bien" in text, text
    await copy.click()
    await expect(customer.button("Copiado")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == text
    assert await customer.live_streams() == 0
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360


async def test_page_without_https_says_so_and_typing_works_with_captions_alone(
    browser: BrowserContext, server: FakeServer
) -> None:
    url = server.url.replace("127.0.0.1", "insecure.test")
    async with open_page(browser, url) as customer:
        assert await customer.page.evaluate("window.isSecureContext") is False
        await expect(customer.alert).to_contain_text("empieza con https")
        await save_screenshot(customer.page, "desktop-insecure")
        call = await start_typed_call(customer, server)
        await call.send_caption("user", "Hola")
        await call.send_caption("assistant", "Buenas.", stage="planned", segment=2, position=0)
        await call.send_audio(bytes(2 * 24_000))
        await customer.until_status_shown("Hablando")
        await expect(customer.transcript).to_contain_text("Buenas.")
        await call.wait_until_played(24_000)
        await expect(customer.status).to_have_text("Escribí tu consulta")
        await customer.call_button.click()
        await expect(customer.alert).to_contain_text("empieza con https")
        assert call.violations == []


@pytest.mark.parametrize(("width", "height"), [(640, 360), (844, 390), (740, 320)])
async def test_landscape_phone_shows_the_whole_welcome(
    customer: Customer, width: int, height: int
) -> None:
    page = customer.page
    await page.set_viewport_size({"width": width, "height": height})
    await save_screenshot(page, f"landscape-{width}")
    welcome = page.locator(".welcome")
    sizes = await welcome.evaluate("(e) => [e.scrollHeight, e.clientHeight]")
    assert sizes[0] <= sizes[1]
    await expect(customer.call_button).to_be_in_viewport(ratio=1)
    await expect(customer.button("Enviar")).to_be_in_viewport(ratio=1)
    assert await page.evaluate("document.documentElement.scrollHeight") <= height


async def test_short_status_takes_one_line_on_a_narrow_phone(
    customer: Customer, server: FakeServer
) -> None:
    page = customer.page
    await page.set_viewport_size({"width": 360, "height": 640})
    await start_voice_call(customer, server)
    await page.evaluate("tests.contexts.at(-1).suspend()")
    await expect(customer.status).to_have_text("En pausa")
    lines = "(e) => Math.round(e.clientHeight / parseFloat(getComputedStyle(e).lineHeight))"
    button = customer.page.get_by_role("button", name="Tocá para activar el sonido")
    assert await customer.status.evaluate(lines) == 1
    text_height = await button.evaluate("(e) => e.clientHeight")
    assert text_height < 70, json.dumps(text_height)
