"""The page on the real site: server process, SDK, simulator and local DynamoDB."""

from collections.abc import AsyncIterator
from datetime import datetime

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, expect

from tests.browser.audio_signals import audible_duration_s
from tests.browser.chromium import get_recording, run_chromium, save_screenshot
from tests.browser.customer import Customer, open_page
from tests.fixtures.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[BrowserContext]:
    async with run_chromium() as context:
        yield context


@pytest_asyncio.fixture(loop_scope="module")
async def customer(
    browser: BrowserContext, site: Site, demo_data: datetime
) -> AsyncIterator[Customer]:
    async with open_page(browser, site.url) as somebody:
        yield somebody


async def test_typed_question_is_answered_aloud_from_the_database(customer: Customer) -> None:
    await customer.send_text("Consulta el pedido número 1 con DNI 12345678")
    await expect(customer.transcript).to_contain_text("Pedido consultado")
    await customer.until_status_shown("Hablando")
    await save_screenshot(customer.page, "site-speaking")
    await expect(customer.status).to_have_text("Escribí tu consulta")
    await expect(customer.page.locator("[data-stage=spoken]")).not_to_have_count(0)
    await expect(customer.page.locator("[data-stage=planned]")).to_have_count(0)
    output, rate_hz = await get_recording(customer.page)
    assert audible_duration_s(output, rate_hz, threshold=1e-3) > 0.5
    await save_screenshot(customer.page, "site-answered")
    await customer.hang_up()
    await expect(customer.status).to_have_text("La conversación terminó")
    await expect(customer.alert).to_contain_text("Pedido consultado")


async def test_wrong_dni_shows_failed_lookup(customer: Customer) -> None:
    await customer.send_text("Consulta el pedido número 1 con DNI 99999999")
    await expect(customer.transcript).to_contain_text("No se pudo consultar el pedido")
    await customer.until_status_shown("Hablando")
