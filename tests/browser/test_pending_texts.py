"""Typed texts that the server had not acknowledged when the page was loaded again or hung up."""

import pytest
from playwright.async_api import expect

from tests.browser.customer import Customer, disconnected, start_typed_call
from tests.browser.fake_server import FakeServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

TYPE_TEXT = """(text) => {
    document.querySelector("[data-part=compose-text]").value = text;
    document.querySelector("[data-part=compose]").requestSubmit();
}"""


async def test_pending_texts_of_reloaded_page_are_sent_once(
    customer: Customer, server: FakeServer
) -> None:
    texts = customer.page.locator(".entry-text")
    call = await start_typed_call(customer, server, "uno")
    await call.send_caption("user", "uno")
    await call.send_caption("assistant", "Uno.", segment=2)
    call.drops_frames = True
    await customer.send_text("dos")
    await expect(customer.transcript).to_contain_text("dos")
    async with disconnected(customer, server, call):
        call.drops_frames = False
        # The page goes away before its worker has reported the text.
        await customer.page.evaluate(
            f"""() => {{
                ({TYPE_TEXT})("tres");
                dispatchEvent(new Event("pagehide"));
            }}"""
        )
        for _ in range(2):  # the second reload comes before the first one has resumed
            await customer.page.reload()
            await customer.until_status_shown("Reconectando…")
            # The first text is not acknowledged either.
            await expect(texts).to_have_text(["uno", "dos", "tres"])
    await call.wait_until(lambda: len(call.texts()) >= 3)
    assert call.texts() == ["uno", "dos", "tres"]
    assert call.violations == []
    await expect(texts).to_have_text(["uno", "Uno.", "dos", "tres"])
    await call.send_caption("user", "dos", turn=2)
    await call.send_caption("assistant", "Dos.", turn=2, segment=2)
    await expect(texts).to_have_text(["uno", "Uno.", "dos", "Dos.", "tres"])
    await customer.page.reload()
    await call.wait_for_resume(2)
    await expect(texts).to_have_text(["uno", "Uno.", "dos", "Dos.", "tres"])
    assert call.texts() == ["uno", "dos", "tres"]


async def test_texts_typed_right_before_reload_are_sent_once(
    customer: Customer, server: FakeServer
) -> None:
    call = await start_typed_call(customer, server, "uno")
    delays_ms = [0, 1, 2, 4, 8]
    for count, delay_ms in enumerate(delays_ms, 1):
        await customer.page.evaluate(
            f"""([text, delayMs]) => {{
                ({TYPE_TEXT})(text);
                if (delayMs > 0) return setTimeout(() => location.reload(), delayMs);
                dispatchEvent(new Event("pagehide")); // the worker has not reported the text yet
                location.reload();
            }}""",
            [f"{delay_ms} ms", delay_ms],
        )
        await call.wait_for_resume(count)
    await customer.send_text("dos")
    await call.wait_until(lambda: "dos" in call.texts())
    assert call.texts() == ["uno", *(f"{delay_ms} ms" for delay_ms in delays_ms), "dos"]
    assert call.violations == []


async def test_text_typed_right_before_hang_up_is_sent(
    customer: Customer, server: FakeServer
) -> None:
    call = await start_typed_call(customer, server, "uno")
    await customer.page.evaluate(
        f"""() => {{
            ({TYPE_TEXT})("dos");
            document.querySelector("[data-part=hang-up-button]").click();
        }}"""
    )
    await call.wait_for_event("end")
    assert call.texts() == ["uno", "dos"]
