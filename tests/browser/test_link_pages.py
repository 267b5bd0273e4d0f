"""The pages of links on a phone: readable, by axe's rules too, and moved and cancelled by thumb."""

from datetime import datetime
from itertools import pairwise

import pytest
from playwright.async_api import Page, expect

from appointments import services
from appointments.domain import AppointmentStatus
from appointments.links.domain import LinkAction
from appointments.links.tokens import link_path
from appointments.waiting_list import services as waiting_list
from appointments.waiting_list.domain import WaitingStatus, Wanted
from appointments.waiting_list.tokens import offer_path
from common.identity.verification import Staff
from common.record_changes import LINK
from tests.browser.accessibility import find_violations
from tests.browser.chromium import run_chromium, save_screenshot
from tests.browser.staff import open_staff_page
from tests.fixtures.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

PHONE = {"width": 360, "height": 740}


async def assert_fits(page: Page) -> None:
    """Nothing is wider than a phone, and everything to tap is as high as a thumb needs."""
    await page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"]
    for target in await page.locator("main a, main button, main .time").all():
        box = await target.bounding_box()
        assert box is not None
        assert box["height"] >= 40


async def test_patient_moves_and_cancels_on_a_phone(site: Site, demo_data: datetime) -> None:
    booked = services.get_appointment(appointment_id="1")
    async with run_chromium() as context, open_staff_page(context) as page:
        await page.goto(site.url + link_path(booked))
        assert await find_violations(page) == []
        await assert_fits(page)
        await save_screenshot(page, "link-page")
        await page.get_by_role("link", name="Cambiar el horario").click()
        assert await find_violations(page) == []
        await assert_fits(page)
        times = page.get_by_role("radio")
        values = [await each.get_attribute("value") or "" for each in await times.all()]
        assert all(earlier < later for earlier, later in pairwise(values))
        await times.nth(3).focus()  # by keyboard: the arrow chooses the next one
        await page.keyboard.press("ArrowRight")
        await expect(times.nth(4)).to_be_checked()
        await save_screenshot(page, "link-move")
        await page.get_by_role("button", name="Cambiar al horario elegido").click()
        await expect(page.get_by_role("status")).to_contain_text("cambiaste el horario")
        moved = services.get_appointment(appointment_id="1")
        assert moved.starts_at == datetime.fromisoformat(values[4])
        assert moved.changes[-1].origin == LINK

        await page.get_by_role("link", name="Cancelar el turno").click()
        assert await find_violations(page) == []
        await page.get_by_role("button", name="Cancelar el turno").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Tu turno está cancelado")
    assert services.get_appointment(appointment_id="1").status is AppointmentStatus.CANCELLED


async def test_patient_answers_an_offer_on_a_phone(site: Site, demo_data: datetime) -> None:
    freed = services.get_appointment(appointment_id="3")
    day = freed.starts_at.date()
    entry = waiting_list.add_entry(
        wanted=Wanted(
            patient_name="Nora Vidal", patient_email="nora@email.com", first=day, last=day
        ),
        now=demo_data,
    )
    services.cancel_appointment(appointment_id=freed.id, caller=Staff(), now=demo_data)
    entry = waiting_list.get_entry(entry_id=entry.id)
    async with run_chromium() as context, open_staff_page(context) as page:
        await page.goto(site.url + offer_path(entry))
        assert await find_violations(page) == []
        await assert_fits(page)
        await save_screenshot(page, "offer-page")
        await page.get_by_role("button", name="Reservar").click()
        await expect(page.get_by_role("status")).to_contain_text("reserv")
    assert waiting_list.get_entry(entry_id=entry.id).status is WaitingStatus.BOOKED


async def test_old_link_says_what_to_do(site: Site, demo_data: datetime) -> None:
    booked = services.get_appointment(appointment_id="2")
    services.delete_appointment(appointment_id="2", now=demo_data)
    async with run_chromium() as context:
        page = await context.new_page()
        await page.goto(site.url + link_path(booked, LinkAction.CONFIRM))
        await expect(page.get_by_role("heading", level=1)).to_have_text("Este enlace ya no sirve")
        assert await find_violations(page) == []
        await assert_fits(page)
