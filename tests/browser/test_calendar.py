"""The calendar of the admin in Chromium, on the real site: book, drag, conflict, print, phone, keyboard."""

import re
from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Locator, Page, expect

import appointments.services
from appointments.domain import (
    Appointment,
    AppointmentChanges,
    AppointmentKind,
    AppointmentQuery,
    AppointmentStatus,
    DayPart,
)
from appointments.schedules.services import set_special_day
from appointments.waiting_list import services as waiting_list
from appointments.waiting_list.domain import Wanted
from common.identity.verification import Staff
from tests.browser.accessibility import find_violations
from tests.browser.chromium import save_screenshot
from tests.browser.staff import open_staff_page
from tests.fixtures.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

ZONE = ZoneInfo("America/Argentina/Buenos_Aires")
CALENDAR = "/admin/appointments/appointment/calendar/"
DOCTOR = "Dra. Gómez"
TIMEOUT_MS = 60_000
"""For a slow machine; nothing waits so long where all goes well."""
PATIENTS = [
    ("Rosa Díaz", 0, "10:00", DOCTOR),
    ("Bruno Acosta", 0, "11:00", DOCTOR),
    ("Sofía Peralta", 0, "10:00", "Dr. Sosa"),
    ("Tomás Ibáñez", 1, "09:30", DOCTOR),
    ("Elena Quiroga", 2, "16:00", DOCTOR),
    ("Iván Prieto", 3, "12:00", DOCTOR),
]


WAITING = "Nora Vidal"


@pytest.fixture
def tuesday(demo_data: datetime) -> date:
    """Book appointments in a week without demo data, whose Saturday is closed; return its Tuesday."""
    today = demo_data.astimezone(ZONE).date()
    tuesday = today + timedelta(days=22 - today.weekday())  # the demo data end after 12 days
    set_special_day(
        day=tuesday + timedelta(days=4), is_open=False, reason="Jornada interna", now=demo_data
    )
    for n, (patient, day, clock_time, doctor) in enumerate(PATIENTS):
        booked = appointments.services.book_appointment(
            patient_name=patient,
            patient_email=f"persona{n}@email.com",
            doctor_name=doctor,
            starts_at=datetime.combine(
                tuesday + timedelta(days=day), time.fromisoformat(clock_time), ZONE
            ),
            duration_min=30 + 30 * (n % 2),
            kind=list(AppointmentKind)[n % 4],
            notes="Trae los estudios." if n == 0 else "",
            phone=f"11 4555-12{30 + n}",
            token=f"week {n} {demo_data}",
            now=demo_data,
        )
        if n % 3 == 1:
            appointments.services.update_appointment(
                appointment_id=booked.id,
                changes=AppointmentChanges(status=AppointmentStatus.CONFIRMED),
                now=demo_data,
            )
    offer_to_waiting_list(tuesday, now=demo_data)
    return tuesday


def offer_to_waiting_list(day: date, *, now: datetime) -> None:
    """Free 13:00 on this day, which a patient waits for, and add one who waits for another professional."""
    booked = appointments.services.book_appointment(
        patient_name="Pablo Ríos",
        patient_email="pablo@email.com",
        doctor_name=DOCTOR,
        starts_at=datetime.combine(day, time(13), ZONE),
        duration_min=60,
        kind=AppointmentKind.CONSULTATION,
        token=f"freed {now}",
        now=now,
    )
    for patient, doctor, part in (
        (WAITING, DOCTOR, None),
        ("Olga Funes", "Dr. Sosa", DayPart.AFTERNOON),
    ):
        waiting_list.add_entry(
            wanted=Wanted(
                patient_name=patient,
                patient_email=f"{patient[:4].lower()}@email.com",
                doctor_name=doctor,
                first=day,
                last=day + timedelta(days=5),
                day_part=part,
            ),
            now=now,
        )
    appointments.services.cancel_appointment(appointment_id=booked.id, caller=Staff(), now=now)


@pytest_asyncio.fixture(loop_scope="module")
async def page(staff_browser: BrowserContext) -> AsyncIterator[Page]:
    async with open_staff_page(staff_browser) as page:
        page.set_default_timeout(TIMEOUT_MS)
        await page.set_viewport_size({"width": 1280, "height": 1180})
        yield page


async def open_calendar(
    page: Page, site: Site, day: date, view: str = "timeGridWeek", doctor: str = DOCTOR
) -> None:
    await page.goto(f"{site.url}{CALENDAR}?date={day}&view={view}&doctor={doctor}")
    await expect(page.locator("#calendar .appointment").first).to_be_visible()


def event_of(page: Page, patient: str) -> Locator:
    return page.locator("#calendar .appointment", has_text=patient)


async def place_of(page: Page, day: date, clock_time: str) -> tuple[float, float]:
    """Return a point in the column of a day, a little below the line of a time."""
    column = await page.locator(f"td.fc-timegrid-col[data-date='{day}']").bounding_box()
    slot = await page.locator(
        f"td.fc-timegrid-slot-lane[data-time='{clock_time}:00']"
    ).bounding_box()
    assert column is not None
    assert slot is not None
    return column["x"] + column["width"] / 2, slot["y"] + 6


async def until_reloaded(page: Page) -> None:
    """Wait until a move is done: then the calendar has read the appointments, and rendered them, again."""
    await expect(page.locator("#calendar")).not_to_have_attribute("aria-busy", "true")


async def drag(page: Page, patient: str, day: date, clock_time: str) -> None:
    await until_reloaded(page)
    event = event_of(page, patient)
    await event.scroll_into_view_if_needed()
    box = await event.bounding_box()
    assert box is not None
    x, y = await place_of(page, day, clock_time)
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 6)
    await page.mouse.down()
    await page.mouse.move(x, y - 20, steps=8)
    await page.mouse.move(x, y, steps=8)
    await page.mouse.up()


def stored(patient: str, tuesday: date) -> Appointment:
    query = AppointmentQuery(date_from=tuesday, date_to=tuesday + timedelta(days=6))
    found = appointments.services.list_appointments(query=query).items
    [one] = [each for each in found if each.patient_name == patient]
    return one


def local_start(patient: str, tuesday: date) -> str:
    return f"{stored(patient, tuesday).starts_at.astimezone(ZONE):%a %H:%M}"


async def test_calendar_shows_a_week_and_breaks_no_rule(
    page: Page, staffed_site: Site, tuesday: date
) -> None:
    saturday = page.locator("#calendar .closed", has_text="Jornada interna")
    for _ in range(10):  # the site reads the schedule every 15 seconds
        await open_calendar(page, staffed_site, tuesday)
        if await saturday.count():
            break
        await page.wait_for_timeout(3_000)
    await expect(saturday).to_be_visible()
    await expect(event_of(page, "Rosa Díaz")).to_contain_text("Agendado")
    await expect(event_of(page, "Bruno Acosta")).to_contain_text("Confirmado")
    await expect(event_of(page, "Sofía Peralta")).to_have_count(0)
    await save_screenshot(page, "admin-calendar")
    assert await find_violations(page) == []

    await page.get_by_label("Profesional").select_option("")
    await page.get_by_role("button", name="Lista").click()
    await expect(event_of(page, "Sofía Peralta, Dr. Sosa")).to_be_visible()
    assert await find_violations(page) == []


async def test_time_offered_to_the_waiting_list_leads_to_its_patient(
    page: Page, staffed_site: Site, tuesday: date
) -> None:
    await open_calendar(page, staffed_site, tuesday)
    offered = event_of(page, WAITING)
    await expect(offered).to_contain_text("Lista de espera")
    await expect(offered).to_have_attribute("title", re.compile("Nadie más puede reservar"))
    await offered.click()
    await expect(page.get_by_label("Paciente")).to_have_value(WAITING)
    await expect(page.get_by_text(f"con {DOCTOR}, reservado hasta")).to_be_visible()

    await page.goto(f"{staffed_site.url}/admin/appointments/waitingentry/")
    await expect(page.locator("#result_list")).to_contain_text("Olga Funes")
    await page.set_viewport_size({"width": 1280, "height": 520})
    await save_screenshot(page, "admin-waiting-list")
    assert await find_violations(page) == []


async def test_click_on_free_time_books_and_returns(
    page: Page, staffed_site: Site, tuesday: date
) -> None:
    await open_calendar(page, staffed_site, tuesday)
    x, y = await place_of(page, tuesday + timedelta(days=2), "09:00")
    await page.mouse.click(x, y)
    await expect(page.get_by_label("Profesional")).to_have_value(DOCTOR)
    await expect(page.locator("#id_starts_at_1")).to_have_value("09:00:00")
    await page.get_by_label("Paciente").fill("Eva Luna")
    await page.get_by_label("Correo electrónico").fill("eva@email.com")
    await page.get_by_role("button", name="Guardar", exact=True).click()

    await expect(event_of(page, "Eva Luna")).to_be_visible()
    assert "calendar/" in page.url
    assert local_start("Eva Luna", tuesday) == "Thu 09:00"


async def test_drag_moves_after_a_question(page: Page, staffed_site: Site, tuesday: date) -> None:
    await open_calendar(page, staffed_site, tuesday)
    await drag(page, "Rosa Díaz", tuesday + timedelta(days=1), "14:00")
    await expect(page.locator("#calendar-question")).to_contain_text("¿Mover el turno de Rosa Díaz")
    await page.get_by_role("button", name="No, dejarlo").click()
    await expect(event_of(page, "Rosa Díaz")).to_contain_text("10:00")
    assert local_start("Rosa Díaz", tuesday) == "Tue 10:00"

    await drag(page, "Rosa Díaz", tuesday + timedelta(days=1), "14:00")
    await page.get_by_role("button", name="Mover", exact=True).click()
    await expect(page.locator("#calendar-status")).to_contain_text("Rosa Díaz: se movió")
    await until_reloaded(page)
    await expect(page.locator("#calendar-status")).to_contain_text("Rosa Díaz: se movió")
    await expect(event_of(page, "Rosa Díaz")).to_contain_text("14:00")
    assert local_start("Rosa Díaz", tuesday) == "Wed 14:00"

    # With the version that the answer gave, the same event can be moved again.
    await drag(page, "Rosa Díaz", tuesday + timedelta(days=1), "15:00")
    await page.get_by_role("button", name="Mover", exact=True).click()
    await expect(page.locator("#calendar-status")).to_contain_text("15:00")
    assert local_start("Rosa Díaz", tuesday) == "Wed 15:00"


async def test_drag_onto_taken_or_changed_snaps_back(
    staff_browser: BrowserContext, staffed_site: Site, tuesday: date, demo_data: datetime
) -> None:
    page = await staff_browser.new_page()  # a refusal's status is an error in the console
    page.set_default_timeout(TIMEOUT_MS)
    await page.set_viewport_size({"width": 1280, "height": 1180})
    await open_calendar(page, staffed_site, tuesday)
    taken = appointments.services.book_appointment(
        patient_name="Por Teléfono",
        patient_email="voz@email.com",
        doctor_name=DOCTOR,
        starts_at=datetime.combine(tuesday + timedelta(days=1), time(14), ZONE),
        duration_min=30,
        kind=AppointmentKind.CONSULTATION,
        token=f"voice {demo_data}",
        now=demo_data,
    )
    await drag(page, "Rosa Díaz", tuesday + timedelta(days=1), "14:00")
    await page.get_by_role("button", name="Mover", exact=True).click()
    await expect(page.locator("#calendar-error")).to_contain_text("el turno ya está ocupado")
    await expect(event_of(page, "Rosa Díaz")).to_contain_text("10:00")
    await expect(event_of(page, taken.patient_name)).to_be_visible()

    appointments.services.update_appointment(
        appointment_id=stored("Rosa Díaz", tuesday).id,
        changes=AppointmentChanges(status=AppointmentStatus.CONFIRMED),
        now=demo_data,
    )
    await drag(page, "Rosa Díaz", tuesday + timedelta(days=1), "16:00")
    await page.get_by_role("button", name="Mover", exact=True).click()
    await expect(page.locator("#calendar-error")).to_contain_text("Otra persona acaba de cambiar")
    await expect(event_of(page, "Rosa Díaz")).to_contain_text("Confirmado")
    assert local_start("Rosa Díaz", tuesday) == "Tue 10:00"
    await page.close()


async def test_keyboard_opens_and_moves_an_appointment(
    page: Page, staffed_site: Site, tuesday: date
) -> None:
    await open_calendar(page, staffed_site, tuesday)
    await page.get_by_label("Ver cancelados").focus()
    for _ in range(40):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.classList.contains('appointment')"):
            break
    await expect(page.locator(":focus")).to_contain_text("Rosa Díaz")
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Paciente")).to_have_value("Rosa Díaz")
    await page.locator("#id_starts_at_1").fill("17:00")
    await page.get_by_role("button", name="Guardar", exact=True).press("Enter")
    await expect(event_of(page, "Rosa Díaz")).to_contain_text("17:00")
    assert local_start("Rosa Díaz", tuesday) == "Tue 17:00"


async def test_sheet_of_the_day_prints(page: Page, staffed_site: Site, tuesday: date) -> None:
    await open_calendar(page, staffed_site, tuesday, doctor="")
    await page.get_by_role("link", name="Imprimir el día").click()
    await expect(page.get_by_role("heading", name="Dra. Gómez")).to_be_visible()
    await expect(page.get_by_role("row", name="Rosa Díaz")).to_contain_text("Trae los estudios.")
    assert await find_violations(page) == []
    await page.evaluate("window.print = () => { window.printed = true }")
    await page.get_by_role("button", name="Imprimir").click()
    assert await page.evaluate("window.printed")
    await page.emulate_media(media="print")
    await expect(page.get_by_role("button", name="Imprimir")).to_be_hidden()
    await expect(page.get_by_text("Rosa Díaz")).to_be_visible()
    assert (await page.pdf()).startswith(b"%PDF")
    await page.set_viewport_size({"width": 900, "height": 700})
    await save_screenshot(page, "admin-calendar-day")


async def test_phone_shows_a_day_and_a_list(page: Page, staffed_site: Site, tuesday: date) -> None:
    await page.set_viewport_size({"width": 390, "height": 844})
    await open_calendar(page, staffed_site, tuesday, view="")
    await expect(page.get_by_role("button", name="Día", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    await save_screenshot(page, "admin-calendar-phone")
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    await page.get_by_role("button", name="Lista").click()
    await page.get_by_role("link", name="Bruno Acosta").click()
    await expect(page.get_by_label("Paciente")).to_have_value("Bruno Acosta")
