"""Stored conversations in the staff admin in Chromium, at desktop and phone width."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

from common import clock
from conversations import models, services
from conversations.domain import (
    ConversationStatistics,
    Latency,
    Speaker,
    TokenUsage,
    ToolOutcome,
    Utterance,
)
from tests.browser.chromium import save_screenshot
from tests.browser.staff import log_in, open_staff_page
from tests.fixtures.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

ENDED = "5f0c1e7d9ab34c62a1d84e0b7c2f9a36"
LIVE = "b81d40c7e6f24f0c93a75d1e8c06b2f4"
PHONE = {"width": 390, "height": 844}
ARGUMENTS = {"orderId": "300107", "dni": "12345678"}


def open_conversation(call_id: str, began: datetime) -> None:
    services.open_conversation(
        call_id=call_id,
        resume_secret="secret",
        voice="carlos",
        language="es",
        model_id="amazon.nova-2-sonic-v1:0",
        wire="sonic.audio.v1",
        now=began,
    )


def make_utterance(turn: int, segment: int, text: str, at: datetime, **fields: Any) -> Utterance:
    speaker = Speaker.USER if segment == 1 else Speaker.ASSISTANT
    return Utterance(turn=turn, segment=segment, speaker=speaker, text=text, at=at, **fields)


def record_utterances(
    call_id: str,
    *utterances: Utterance,
    statistics: ConversationStatistics | None = None,
    at: datetime,
) -> None:
    services.record_progress(
        call_id=call_id,
        epoch=1,
        utterances=utterances,
        statistics=statistics or ConversationStatistics(turns=len(utterances)),
        state={},
        now=at,
    )


def record_tool_call(
    call_id: str, name: str, at: datetime, *, code: str | None, **arguments: str
) -> None:
    services.start_tool_call(
        call_id=call_id,
        epoch=1,
        tool_use_id=name,
        name=name,
        arguments=arguments,
        turn=1,
        now=at,
    )
    services.finish_tool_call(
        call_id=call_id,
        epoch=1,
        tool_use_id=name,
        outcome=ToolOutcome.REFUSED if code else ToolOutcome.OK,
        error_code=code,
        duration_ms=38.4,
        now=at,
    )


def record_ended_call(began: datetime) -> None:
    """Record a call in which Juan looks up his order, interrupts, and fails to cancel it."""
    open_conversation(ENDED, began)

    def at(seconds: float) -> datetime:
        return began + timedelta(seconds=seconds)

    latency = {"latency_ms": 812.0, "playback_latency_ms": 905.0}
    record_utterances(
        ENDED,
        make_utterance(1, 2, "¡Hola! Soy Carlos. ¿En qué te puedo ayudar?", at(1)),
        make_utterance(2, 1, "Hola, quiero saber dónde está mi pedido 300107.", at(7)),
        make_utterance(2, 2, "Claro. ¿Me decís tu DNI, por favor?", at(11), **latency),
        make_utterance(3, 1, "Sí, 12 345 678.", at(15)),
        make_utterance(3, 2, "Gracias, Juan. Tu pedido ya salió: llega el viernes 27 de", at(19), interrupted=True, latency_ms=1530.0, playback_latency_ms=1610.0),
        make_utterance(4, 1, "Ah, no, mejor cancelalo. Cualquier cosa escribime a juan.perez@email.com.", at(24)),
        make_utterance(4, 2, "Ese pedido ya no se puede cancelar: ya está en camino.", at(30), **latency),
        make_utterance(5, 1, "Bueno, gracias. Chau.", at(36)),
        make_utterance(5, 2, "De nada. ¡Hasta luego!", at(38), **latency),
        at=at(40),
    )  # fmt: skip
    record_tool_call(ENDED, "consultarOrder", at(17), code=None, **ARGUMENTS)
    record_tool_call(ENDED, "cancelarOrder", at(27), code="order_not_cancellable", **ARGUMENTS)
    statistics = ConversationStatistics(
        turns=5,
        tool_calls=2,
        interruptions=1,
        tokens=TokenUsage(speech_in=3120, text_in=5480, speech_out=1890, text_out=640),
        latency=Latency(median_ms=812, max_ms=1530, playback_median_ms=905),
    )
    services.end_conversation(
        call_id=ENDED, epoch=1, reason="client", statistics=statistics, now=at(42)
    )


@pytest.fixture
def calls(demo_data: datetime) -> datetime:
    """Record a day with some calls, one of them active; return when that one began."""
    models.ConversationItem.delete_all_items()
    now = clock.now()
    for n in range(12):
        began = now - timedelta(minutes=37 * n + 55)
        open_conversation(f"{n:02d}{ENDED[2:]}", began)
        statistics = ConversationStatistics(
            turns=3 + n % 5,
            tool_calls=n % 3,
            tokens=TokenUsage(speech_in=900 * n, text_in=4000, speech_out=700 * n),
            error_codes=("throttled",) if n == 4 else (),
        )
        if n != 7:  # its server died
            services.end_conversation(
                call_id=f"{n:02d}{ENDED[2:]}",
                epoch=1,
                reason=["client", "model", "idle"][n % 3],
                statistics=statistics,
                now=began + timedelta(seconds=48 + 31 * n),
            )
    record_ended_call(now - timedelta(minutes=12))
    open_conversation(LIVE, now)
    record_utterances(LIVE, make_utterance(1, 1, "Hola, quiero cambiar mi turno.", now), at=now)
    return now


@pytest_asyncio.fixture(loop_scope="module")
async def page(staff_browser: BrowserContext, calls: datetime) -> AsyncIterator[Page]:
    async with open_staff_page(staff_browser) as page:
        await page.set_viewport_size({"width": 1280, "height": 1000})
        yield page


async def test_conversation_is_found_by_its_text(page: Page, staffed_site: Site) -> None:
    await page.goto(f"{staffed_site.url}/admin/conversations/conversation/")
    await expect(page.locator("#result_list tbody tr")).to_have_count(14)
    await save_screenshot(page, "admin-conversations")
    await page.locator("#searchbar").fill("cancelalo mejor")
    await page.get_by_role("button", name="Buscar").click()
    await expect(page.locator("#result_list tbody tr")).to_have_count(1)
    await page.locator("#result_list tbody th a").click()

    await expect(page.get_by_text("Sí, ******78.")).to_be_visible()
    await expect(page.get_by_text("escribime a j***@e***.com")).to_be_visible()
    await expect(page.locator(".entries > li")).to_have_count(11)
    await expect(page.locator(".entries > .tool").first).to_contain_text("Consultar pedido")
    await expect(page.locator(".entries > .tool").last).to_contain_text(
        "El pedido está en camino o entregado"
    )
    await expect(page.locator(".broken")).to_have_count(1)
    await save_screenshot(page, "admin-conversation")


async def test_active_conversation_page_updates_itself(
    page: Page, staffed_site: Site, calls: datetime
) -> None:
    await page.clock.install()
    await page.goto(f"{staffed_site.url}/admin/conversations/conversation/{LIVE}/change/")
    await expect(page.locator(".when .state")).to_have_text("En curso")
    await expect(page.locator(".entries > li")).to_have_count(1)

    later = calls + timedelta(seconds=3)
    record_utterances(LIVE, make_utterance(1, 2, "¿Qué número de turno es?", later), at=later)
    await expect(page.get_by_text("¿Qué número de turno es?")).to_be_visible()
    services.end_conversation(
        call_id=LIVE,
        epoch=1,
        reason="client",
        statistics=ConversationStatistics(turns=1),
        now=later,
    )
    await expect(page.locator(".when .state")).to_have_text("Terminada")
    requested_urls: list[str] = []
    page.on("request", lambda request: requested_urls.append(request.url))
    await page.clock.fast_forward(10_000)
    await expect(page.locator(".entries > li")).to_have_count(2)
    assert requested_urls == []


async def test_conversation_pages_fit_a_phone(page: Page, staffed_site: Site) -> None:
    await page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    for path in ("", "conversations/conversation/", f"conversations/conversation/{ENDED}/change/"):
        await page.goto(f"{staffed_site.url}/admin/{path}")
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"], path
    await save_screenshot(page, "admin-conversation-phone")


async def test_start_page_links_to_active_call(page: Page, staffed_site: Site) -> None:
    await page.goto(f"{staffed_site.url}/admin/")
    await expect(page.get_by_role("heading", name="Llamadas ahora 1")).to_be_visible()
    await page.locator("section", has_text="Llamadas ahora").get_by_text("En curso").click()

    await expect(page.get_by_text("quiero cambiar mi turno")).to_be_visible()


async def test_supervisor_sees_tool_calls_and_deletes_conversation(
    staffed_site: Site, calls: datetime
) -> None:
    async with log_in(staffed_site, "raul") as context, open_staff_page(context) as page:
        await page.goto(f"{staffed_site.url}/admin/conversations/toolrun/")
        await expect(page.locator("#result_list tbody tr")).to_have_count(2)
        await expect(page.get_by_text("dni: ******78").first).to_be_visible()
        await save_screenshot(page, "admin-tool-runs")
        await page.get_by_role("link", name=ENDED[:8]).first.click()
        await page.get_by_role("button", name="Eliminar").click()
        await page.locator("#content input[type=submit]").click()
        await expect(page.locator(".messagelist")).to_contain_text("Conversación 5f0c1e7d")

        await page.goto(f"{staffed_site.url}/admin/conversations/toolrun/")
        await expect(page.locator("#result_list")).to_have_count(0)
