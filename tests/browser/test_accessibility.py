"""Every page by axe-core's rules, at desktop and phone width, and without errors in the console."""

import json
from collections.abc import AsyncIterator
from datetime import datetime

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

import follow_ups.services
from common.ids import opaque_id
from tests.admin.stored_calls import add_tool_call, add_utterances, end_call, open_call
from tests.browser.accessibility import find_violations
from tests.browser.chromium import run_chromium, save_screenshot
from tests.browser.customer import open_page
from tests.browser.staff import log_in, open_staff_page
from tests.fixtures.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

LANDSCAPE = {"width": 844, "height": 390}
STAFF_PATHS = [
    "",
    "orders/order/",
    "orders/order/?q=juan",
    "orders/order/add/",
    "orders/order/1/change/",
    "orders/order/1/history/",
    "orders/order/1/delete/",
    "appointments/appointment/?day=all",
    "appointments/appointment/add/",
    "appointments/appointment/1/change/",
    "appointments/professional/",
    "appointments/professional/add/",
    "appointments/specialday/",
    "appointments/specialday/add/",
    "orders/product/",
    "orders/product/add/",
    "appointments/informationentry/",
    "appointments/informationentry/add/",
    "appointments/waitingentry/",
    "appointments/waitingentry/add/",
    "conversations/conversation/",
    "conversations/conversation/{call_id}/change/",
    "conversations/toolrun/",
    "follow_ups/followup/",
    "follow_ups/followup/add/",
    "business/profile/",
    "novasonic/failedlogins/",
    "second_factor/secondfactor/",
    "second-factor/",
    "password_change/",
]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def supervisor(staffed_site: Site) -> AsyncIterator[BrowserContext]:
    async with log_in(staffed_site, "raul") as context:
        yield context


@pytest.fixture
def stored_call(demo_data: datetime) -> str:
    """Store a call with a tool call, and a message, beside the demo data; return the id of the call."""
    call_id = opaque_id()
    open_call(call_id, started_at=demo_data)
    add_utterances(call_id, "¿Dónde está mi pedido?", "Llega mañana.", at=demo_data)
    add_tool_call(call_id, "t1", "consultarOrder", at=demo_data, outcome="ok", orderId="1")
    end_call(call_id, at=demo_data)
    follow_ups.services.leave_follow_up(
        customer_name="Ana Ruiz",
        message="Un presupuesto",
        phone="11 4555-1234",
        token=call_id,
        now=demo_data,
    )
    return call_id


async def test_staff_pages_break_no_rule(
    supervisor: BrowserContext, staffed_site: Site, stored_call: str
) -> None:
    found: dict[str, list[str]] = {}
    async with open_staff_page(supervisor) as page:
        for pattern in STAFF_PATHS:
            path = pattern.format(call_id=stored_call)
            response = await page.goto(f"{staffed_site.url}/admin/{path}")
            assert response is not None
            assert response.status == 200, path
            if violations := await find_violations(page):
                found[path] = violations
        await page.set_viewport_size({"width": 1280, "height": 1180})
        await page.goto(f"{staffed_site.url}/admin/business/profile/")
        await save_screenshot(page, "admin-business")
        await page.goto(f"{staffed_site.url}/admin/follow_ups/followup/")
        await save_screenshot(page, "admin-messages")
    assert not found, json.dumps(found, indent=1, ensure_ascii=False)


async def test_public_pages_break_no_rule(staffed_site: Site) -> None:
    found: dict[str, list[str]] = {}
    async with run_chromium() as context:
        page = await context.new_page()
        for path in ("/admin/login/", "/nowhere"):
            await page.goto(f"{staffed_site.url}{path}")
            if violations := await find_violations(page):
                found[path] = violations
        await page.close()
        async with open_page(context, staffed_site.url) as customer:
            found |= await _violations_of_a_call(customer.page)
    assert not found, json.dumps(found, indent=1, ensure_ascii=False)


async def _violations_of_a_call(page: Page) -> dict[str, list[str]]:
    """Return what axe finds before, during and after a conversation, and with the sound panel open."""
    found = {"idle": await find_violations(page)}
    await page.get_by_label("Escribí tu consulta").fill("Consulta el pedido número 1")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("log")).to_contain_text("DNI")
    found["talking"] = await find_violations(page)
    await page.get_by_role("button", name="Sonido").click()
    found["sound"] = await find_violations(page)
    await page.get_by_role("button", name="Cerrar").click()
    await page.get_by_role("button", name="Terminar la conversación").click()
    await expect(page.get_by_role("status")).to_have_text("La conversación terminó")
    found["over"] = await find_violations(page)
    return {state: violations for state, violations in found.items() if violations}


async def test_documentation_page_breaks_no_policy(
    supervisor: BrowserContext, staffed_site: Site
) -> None:
    async with open_staff_page(supervisor) as page:  # fails if the console shows an error
        await page.goto(f"{staffed_site.url}/api/docs")
        await expect(page.locator(".opblock").first).to_be_visible()
        await page.locator(".opblock-summary-control").first.click()
        await expect(page.get_by_role("button", name="Try it out")).to_be_visible()
        await page.get_by_role("button", name="Try it out").click()


async def test_sound_is_reached_on_a_landscape_phone(staffed_site: Site) -> None:
    async with (
        run_chromium() as context,
        open_page(context, staffed_site.url) as customer,
    ):
        page = customer.page
        await page.set_viewport_size({"width": LANDSCAPE["width"], "height": LANDSCAPE["height"]})
        await page.get_by_role("button", name="Sonido").click()
        self_test = page.get_by_role("button", name="Probar micrófono, sonido y conexión")
        await self_test.scroll_into_view_if_needed()
        await expect(self_test).to_be_in_viewport()
        await page.get_by_role("button", name="Cerrar").click()
        await save_screenshot(page, "page-landscape")
