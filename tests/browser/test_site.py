"""The page on the real site: real server process, real SDK, the simulator, DynamoDB's stand-in."""

from collections.abc import AsyncIterator
from datetime import datetime

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, expect

from tests.browser.chromium import chromium, recording, screenshot
from tests.browser.customer import Customer, customer_at
from tests.fixtures.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

ANSWER_WITHIN_MS = 15_000


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[BrowserContext]:
    async with chromium() as context:
        yield context


@pytest_asyncio.fixture(loop_scope="module")
async def customer(
    browser: BrowserContext, site: Site, demo_data: datetime
) -> AsyncIterator[Customer]:
    async with customer_at(browser, site.url) as somebody:
        yield somebody


async def audible_s(customer: Customer) -> float:
    sound, rate_hz = await recording(customer.page)
    return float(np.count_nonzero(np.abs(sound) > 1e-3)) / rate_hz


async def test_a_typed_question_is_answered_aloud_from_the_database(customer: Customer) -> None:
    await customer.write("Consulta el pedido número 1 con DNI 12345678")
    await expect(customer.log).to_contain_text("Pedido consultado", timeout=ANSWER_WITHIN_MS)
    await expect(customer.status).to_have_text("Hablando", timeout=ANSWER_WITHIN_MS)
    await screenshot(customer.page, "site-speaking")
    await expect(customer.status).to_have_text("Escribí tu consulta", timeout=ANSWER_WITHIN_MS)
    await expect(customer.page.locator("[data-stage=spoken]")).not_to_have_count(0)
    await expect(customer.page.locator("[data-stage=planned]")).to_have_count(0)
    await expect(customer.log).to_contain_text("Respondió en")
    assert await audible_s(customer) > 0.5
    await screenshot(customer.page, "site-answered")
    await customer.button("Terminar la conversación").click()
    await expect(customer.status).to_have_text("Listo para ayudarte")


async def test_a_stranger_is_told_that_it_did_not_work(customer: Customer) -> None:
    await customer.write("Consulta el pedido número 1 con DNI 99999999")
    await expect(customer.log).to_contain_text(
        "No se pudo consultar el pedido", timeout=ANSWER_WITHIN_MS
    )
    await expect(customer.status).to_have_text("Hablando", timeout=ANSWER_WITHIN_MS)
