"""The staff admin in Chromium, on the real site, at desktop and phone width."""

from collections.abc import AsyncIterator
from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

import appointments.repository
import orders.repository
import orders.services
from appointments.domain import Appointment, AppointmentKind, AppointmentStatus
from orders.domain import Order, OrderItem, OrderStatus, assign_item_ids, calculate_total
from tests.browser.accessibility import find_violations
from tests.browser.chromium import save_screenshot
from tests.browser.staff import open_staff_page
from tests.fixtures.site import DOCTORS, Site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

ZONE = ZoneInfo("America/Argentina/Buenos_Aires")
DESKTOP = {"width": 1280, "height": 800}
TALL_HEIGHT = 1180
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def busy_day(demo_data: datetime) -> datetime:
    """A day with appointments, and thirty orders besides the demo's."""
    today = demo_data.astimezone(ZONE).date()
    people = ["Rosa Díaz", "Bruno Acosta", "Sofía Peralta", "Tomás Ibáñez", "Elena Quiroga"]
    doctors = DOCTORS.split(", ")
    appointments.repository.add_appointments(
        [
            Appointment(
                id=str(400 + n),
                patient_name=person,
                patient_email=f"persona{n}@email.com",
                doctor_name=doctors[n % len(doctors)],
                starts_at=datetime.combine(today, time(9 + 3 * n, 30), ZONE),
                duration_min=30,
                kind=list(AppointmentKind)[n % 4],
                status=list(AppointmentStatus)[n % 2],
                updated_at=demo_data,
            )
            for n, person in enumerate(people)
        ],
        [],
    )
    orders.repository.add_orders([_order(n, people[n % len(people)], demo_data) for n in range(30)])
    return demo_data


def _order(n: int, person: str, now: datetime) -> Order:
    names = ["Yerba mate 1 kg", "Termo de acero", "Mate de calabaza", "Bombilla de alpaca"]
    prices = ["4350.00", "38900.00", "12500.50", "9800.00"]
    items = assign_item_ids(
        OrderItem(name=names[(n + k) % 4], quantity=1 + k, price=Decimal(prices[(n + k) % 4]))
        for k in range(1 + n % 3)
    )
    made = now - timedelta(hours=5 * n + 1)
    return Order(
        id=str(300_100 + 7 * n),
        customer_name=person,
        customer_email=f"persona{n % 5}@email.com",
        items=items,
        total=calculate_total(items),
        status=list(OrderStatus)[n % 5],
        created_at=made,
        updated_at=made,
        estimated_delivery=made + timedelta(days=5),
    )


@pytest_asyncio.fixture(loop_scope="module")
async def page(staff_browser: BrowserContext, busy_day: datetime) -> AsyncIterator[Page]:
    async with open_staff_page(staff_browser) as page:
        await page.set_viewport_size({"width": DESKTOP["width"], "height": DESKTOP["height"]})
        yield page


async def save(page: Page) -> None:
    await page.get_by_role("button", name="Guardar", exact=True).click()


async def test_start_page_lists_todays_work(page: Page, staffed_site: Site) -> None:
    await page.goto(f"{staffed_site.url}/admin/")
    await expect(page.get_by_role("heading", name="Turnos de hoy")).to_be_visible()
    await expect(page.get_by_role("heading", name="Pedidos para preparar")).to_be_visible()
    await expect(page.get_by_text("Rosa Díaz").first).to_be_visible()
    await save_screenshot(page, "admin-start")

    await page.get_by_role("link", name="Rosa Díaz").first.click()
    await expect(page.get_by_label("Paciente")).to_have_value("Rosa Díaz")


async def test_admin_pages_fit_a_phone(page: Page, staffed_site: Site) -> None:
    await page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    for path in ("", "orders/order/", "orders/order/1/change/"):
        await page.goto(f"{staffed_site.url}/admin/{path}")
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"], path
    await page.goto(f"{staffed_site.url}/admin/")
    await save_screenshot(page, "admin-phone")


async def test_order_is_found_edited_and_recorded_in_history(
    page: Page, staffed_site: Site
) -> None:
    await page.goto(f"{staffed_site.url}/admin/orders/order/")
    await expect(page.get_by_text("Más de 25 pedidos")).to_be_visible()
    await save_screenshot(page, "admin-list")
    await page.locator("#searchbar").fill("perez juan")
    await page.get_by_role("button", name="Buscar").click()
    await expect(page.locator("#result_list tbody tr")).to_have_count(2)
    await page.get_by_role("link", name="1", exact=True).click()

    await expect(page.get_by_label("Cliente")).to_have_value("Juan Pérez")
    await expect(page.get_by_text("******78")).to_be_visible()
    await page.set_viewport_size({"width": DESKTOP["width"], "height": TALL_HEIGHT})
    await save_screenshot(page, "admin-form")
    await page.get_by_label("Cliente").fill("Juan Pablo Pérez")
    await page.locator(".add-row a").click()
    await page.locator("#id_lines-2-name").fill("Termo")
    await page.locator("#id_lines-2-price").fill("10,25")
    await save(page)
    await expect(page.locator(".messagelist")).to_contain_text("Pedido 1")

    stored = orders.services.get_order(order_id="1")
    assert stored.customer_name == "Juan Pablo Pérez"
    assert stored.total == Decimal("77.73")
    await page.goto(f"{staffed_site.url}/admin/orders/order/1/history/")
    await expect(page.locator("#change-history")).to_contain_text("Termo")


async def test_second_save_shows_conflict_and_overwrites_nothing(
    page: Page, staff_browser: BrowserContext, staffed_site: Site
) -> None:
    url = f"{staffed_site.url}/admin/orders/order/2/change/"
    other = await staff_browser.new_page()
    await page.goto(url)
    await other.goto(url)
    await other.get_by_label("Cliente").fill("Juan P. Pérez")
    await save(other)
    await expect(other.locator(".messagelist")).to_contain_text("Pedido 2")
    await other.close()

    await page.get_by_label("Cliente").fill("Juana Pérez")
    await page.get_by_label("Cliente").press("Enter")  # saves, as the button does
    await expect(page.get_by_text("Otra persona acaba de cambiar esto")).to_be_visible()
    await expect(page.get_by_text("Guardado ahora: Juan P. Pérez")).to_be_visible()
    await expect(page.get_by_label("Cliente")).to_have_value("Juana Pérez")
    await save_screenshot(page, "admin-conflict")
    await page.get_by_role("link", name="Recargá la página").click()
    await expect(page.get_by_label("Cliente")).to_have_value("Juan P. Pérez")
    assert orders.services.get_order(order_id="2").customer_name == "Juan P. Pérez"


async def test_appointment_is_booked_at_offered_free_time(
    page: Page, staffed_site: Site, busy_day: datetime
) -> None:
    day = (busy_day.astimezone(ZONE) + timedelta(days=2)).strftime("%d/%m/%Y")
    for patient in ("Eva Luna", "Ada Sol"):
        await page.goto(f"{staffed_site.url}/admin/appointments/appointment/add/")
        await page.get_by_label("Paciente").fill(patient)
        await page.get_by_label("Correo electrónico").fill("eva@email.com")
        await page.get_by_label("Profesional").select_option("Dr. Sosa")
        await page.locator("#id_starts_at_0").fill(day)
        await page.locator("#id_starts_at_1").fill("10:00")
        await save(page)

    await expect(page.get_by_text("el turno ya está ocupado. Libres:")).to_be_visible()
    free = page.locator(".free-times")
    await expect(free.get_by_role("button", name="10:30")).to_be_visible()
    await expect(free.get_by_role("button", name="10:00")).to_have_count(0)
    await save_screenshot(page, "admin-booking")
    await free.get_by_role("button", name="10:30").click()
    await save(page)
    await expect(page.locator(".messagelist")).to_contain_text("fue agregado")


async def test_patients_file_opens_from_an_appointment_and_fits_a_phone(
    page: Page, staffed_site: Site
) -> None:
    await page.goto(f"{staffed_site.url}/admin/orders/order/1/change/")
    await page.get_by_role("link", name="Ficha del paciente").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Juan Pérez")
    await expect(page.get_by_role("heading", name="Próximos turnos")).to_be_visible()
    await expect(page.get_by_role("heading", name="Pedidos")).to_be_visible()
    await save_screenshot(page, "admin-patient")
    assert await find_violations(page) == []
    await page.get_by_label("Correo electrónico").fill("nadie@email.com")
    await page.get_by_role("button", name="Buscar").click()
    await expect(page.get_by_text("No hay nada guardado con ese dato.")).to_be_visible()
    assert "nadie" not in page.url
