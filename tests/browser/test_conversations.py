"""The staff's conversations in Chromium: read, followed while they go on, found again; and a phone."""

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
from tests.browser.chromium import screenshot
from tests.browser.staff import clean_tab, logged_in
from tests.fixtures.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

ENDED = "5f0c1e7d9ab34c62a1d84e0b7c2f9a36"
LIVE = "b81d40c7e6f24f0c93a75d1e8c06b2f4"
PHONE = {"width": 390, "height": 844}
ARGUMENTS = {"orderId": "300107", "dni": "12345678"}


def begin(call_id: str, began: datetime) -> None:
    services.open_conversation(
        call_id=call_id,
        resume_secret="secret",
        voice="carlos",
        language="es",
        model_id="amazon.nova-2-sonic-v1:0",
        wire="sonic.audio.v1",
        now=began,
    )


def said(turn: int, segment: int, text: str, at: datetime, **how: Any) -> Utterance:
    speaker = Speaker.USER if segment == 1 else Speaker.ASSISTANT
    return Utterance(turn=turn, segment=segment, speaker=speaker, text=text, at=at, **how)


def keep(
    call_id: str, *words: Utterance, statistics: ConversationStatistics | None = None, at: datetime
) -> None:
    services.record_progress(
        call_id=call_id,
        epoch=1,
        utterances=words,
        statistics=statistics or ConversationStatistics(turns=len(words)),
        state={},
        now=at,
    )


def use_tool(call_id: str, name: str, at: datetime, *, code: str | None, **arguments: str) -> None:
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


def a_call_that_ended(began: datetime) -> None:
    """Juan asks for his order, interrupts, and can't cancel it."""
    begin(ENDED, began)

    def at(seconds: float) -> datetime:
        return began + timedelta(seconds=seconds)

    wait = {"latency_ms": 812.0, "playback_latency_ms": 905.0}
    keep(
        ENDED,
        said(1, 2, "¡Hola! Soy Carlos. ¿En qué te puedo ayudar?", at(1)),
        said(2, 1, "Hola, quiero saber dónde está mi pedido 300107.", at(7)),
        said(2, 2, "Claro. ¿Me decís tu DNI, por favor?", at(11), **wait),
        said(3, 1, "Sí, 12 345 678.", at(15)),
        said(3, 2, "Gracias, Juan. Tu pedido ya salió: llega el viernes 27 de", at(19), interrupted=True, latency_ms=1530.0, playback_latency_ms=1610.0),
        said(4, 1, "Ah, no, mejor cancelalo. Cualquier cosa escribime a juan.perez@email.com.", at(24)),
        said(4, 2, "Ese pedido ya no se puede cancelar: ya está en camino.", at(30), **wait),
        said(5, 1, "Bueno, gracias. Chau.", at(36)),
        said(5, 2, "De nada. ¡Hasta luego!", at(38), **wait),
        at=at(40),
    )  # fmt: skip
    use_tool(ENDED, "consultarOrder", at(17), code=None, **ARGUMENTS)
    use_tool(ENDED, "cancelarOrder", at(27), code="order_not_cancellable", **ARGUMENTS)
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
    """A day with some calls, one of them going on; return when it began."""
    models.ConversationItem.delete_all_items()
    now = clock.now()
    for n in range(12):
        began = now - timedelta(minutes=37 * n + 55)
        begin(f"{n:02d}{ENDED[2:]}", began)
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
    a_call_that_ended(now - timedelta(minutes=12))
    begin(LIVE, now)
    keep(LIVE, said(1, 1, "Hola, quiero cambiar mi turno.", now), at=now)
    return now


@pytest_asyncio.fixture(loop_scope="module")
async def desk(staff_browser: BrowserContext, calls: datetime) -> AsyncIterator[Page]:
    async with clean_tab(staff_browser) as page:
        await page.set_viewport_size({"width": 1280, "height": 1000})
        yield page


async def test_a_conversation_is_found_by_what_was_said_and_read(
    desk: Page, staffed_site: Site
) -> None:
    await desk.goto(f"{staffed_site.url}/admin/conversations/conversation/")
    await expect(desk.locator("#result_list tbody tr")).to_have_count(14)
    await screenshot(desk, "admin-conversations")
    await desk.locator("#searchbar").fill("cancelalo mejor")
    await desk.get_by_role("button", name="Buscar").click()
    await expect(desk.locator("#result_list tbody tr")).to_have_count(1)
    await desk.locator("#result_list tbody th a").click()

    await expect(desk.get_by_text("Sí, ******78.")).to_be_visible()
    await expect(desk.get_by_text("escribime a j***@e***.com")).to_be_visible()
    await expect(desk.locator(".entries > li")).to_have_count(11)
    await expect(desk.locator(".entries > .tool").first).to_contain_text("consultarOrder")
    await expect(desk.locator(".entries > .tool").last).to_contain_text("order_not_cancellable")
    await expect(desk.locator(".broken")).to_have_count(1)
    await screenshot(desk, "admin-conversation")


async def test_a_conversation_that_goes_on_is_seen_to_go_on(
    desk: Page, staffed_site: Site, calls: datetime
) -> None:
    await desk.clock.install()
    await desk.goto(f"{staffed_site.url}/admin/conversations/conversation/{LIVE}/change/")
    await expect(desk.locator(".when .state")).to_have_text("En curso")
    await expect(desk.locator(".entries > li")).to_have_count(1)

    later = calls + timedelta(seconds=3)
    keep(LIVE, said(1, 2, "¿Qué número de turno es?", later), at=later)
    await expect(desk.get_by_text("¿Qué número de turno es?")).to_be_visible()
    services.end_conversation(
        call_id=LIVE,
        epoch=1,
        reason="client",
        statistics=ConversationStatistics(turns=1),
        now=later,
    )
    await expect(desk.locator(".when .state")).to_have_text("Terminada")
    asked: list[str] = []
    desk.on("request", lambda request: asked.append(request.url))
    await desk.clock.fast_forward(10_000)
    await expect(desk.locator(".entries > li")).to_have_count(2)
    assert asked == []


async def test_conversations_fit_a_phone(desk: Page, staffed_site: Site) -> None:
    await desk.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    for path in ("", "conversations/conversation/", f"conversations/conversation/{ENDED}/change/"):
        await desk.goto(f"{staffed_site.url}/admin/{path}")
        wide = await desk.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE["width"], path
    await screenshot(desk, "admin-conversation-phone")


async def test_the_start_page_leads_to_the_call_that_goes_on(
    desk: Page, staffed_site: Site
) -> None:
    await desk.goto(f"{staffed_site.url}/admin/")
    await expect(desk.get_by_role("heading", name="Llamadas ahora 1")).to_be_visible()
    await desk.locator("section", has_text="Llamadas ahora").get_by_text("En curso").click()

    await expect(desk.get_by_text("quiero cambiar mi turno")).to_be_visible()


async def test_a_supervisor_sees_what_tools_did_and_has_a_call_forgotten(
    staffed_site: Site, calls: datetime
) -> None:
    async with logged_in(staffed_site, "raul") as context, clean_tab(context) as page:
        await page.goto(f"{staffed_site.url}/admin/conversations/toolrun/")
        await expect(page.locator("#result_list tbody tr")).to_have_count(2)
        await expect(page.get_by_text("dni: ******78").first).to_be_visible()
        await screenshot(page, "admin-tool-runs")
        await page.get_by_role("link", name=ENDED[:8]).first.click()
        await page.get_by_role("button", name="Eliminar").click()
        await page.locator("#content input[type=submit]").click()
        await expect(page.locator(".messagelist")).to_contain_text("Conversación 5f0c1e7d")

        await page.goto(f"{staffed_site.url}/admin/conversations/toolrun/")
        await expect(page.locator("#result_list")).to_have_count(0)
