"""What is too much is too much through every door, and what is just enough is enough."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

import appointments.services
import orders.services
from appointments.domain import MAX_DURATION_MINUTES, MIN_DURATION_MINUTES
from common import clock
from common.contact import MAX_EMAIL_LENGTH, MAX_NAME_LENGTH
from orders.domain import MAX_DNI_DIGITS, MAX_ITEMS, MAX_QUANTITY, MAX_TEXT_LENGTH
from tests.fixtures.forms import fields_of
from tests.interfaces.interfaces import CLINIC
from voice.tools import TOOLS
from voice.tools.registry import ToolContext
from voice.wire.messages import Outcome

pytestmark = [pytest.mark.store, pytest.mark.django_db, pytest.mark.usefixtures("empty_tables")]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderWish:
    """An order, but for what a test makes of it."""

    name: str = "Eva Luna"
    email: str = "eva@email.com"
    items: int = 1
    quantity: int = 1
    product: str = "Teclado"
    dni: str = ""  # by telephone none is taken for a new order


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingWish:
    """An appointment, but for what a test makes of it."""

    name: str = "Eva Luna"
    email: str = "eva@email.com"
    minutes: int = 30
    starts_at: datetime = field(
        default_factory=lambda: (clock.now().astimezone(CLINIC) + timedelta(days=3)).replace(
            hour=8, minute=0, second=0, microsecond=0
        )
    )


# --- The doors


@pytest.fixture
def staff(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("boss"))
    return client


def over_rest(staff: Client, wish: OrderWish | BookingWish) -> bool:
    if isinstance(wish, OrderWish):
        item = {"name": wish.product, "quantity": wish.quantity, "price": 1.5}
        items = [item] * wish.items
        path, body = "/orders", {"customerName": wish.name, "customerEmail": wish.email}
        return sent(staff, path, {**body, "items": items, "dni": wish.dni})
    body = {
        "patientName": wish.name,
        "patientEmail": wish.email,
        "doctorName": "Dr. Sosa",
        "date": wish.starts_at.isoformat(),
    }
    return sent(staff, "/appointments", {**body, "duration": wish.minutes})


def sent(staff: Client, path: str, body: dict[str, Any]) -> bool:
    return staff.post(path, json.dumps(body), content_type="application/json").status_code == 201


def in_the_admin(staff: Client, wish: OrderWish | BookingWish) -> bool:
    if isinstance(wish, OrderWish):
        form = {"customer_name": wish.name, "customer_email": wish.email, "dni": wish.dni}
        form["lines-TOTAL_FORMS"] = str(wish.items)
        line = {"name": wish.product, "quantity": str(wish.quantity), "price": "1,50"}
        for place in range(wish.items):
            form |= {f"lines-{place}-{name}": value for name, value in line.items()}
        return saved(staff, "/admin/orders/order/add/", form)
    form = {
        "patient_name": wish.name,
        "patient_email": wish.email,
        "doctor_name": "Dr. Sosa",
        "starts_at_0": f"{wish.starts_at:%d/%m/%Y}",
        "starts_at_1": f"{wish.starts_at:%H:%M}",
        "duration_min": str(wish.minutes),
    }
    return saved(staff, "/admin/appointments/appointment/add/", form)


def saved(staff: Client, path: str, form: dict[str, str]) -> bool:
    shown = fields_of(staff.get(path).content.decode())
    return staff.post(path, {**shown, **form}).status_code == 302


def by_voice(staff: Client, wish: OrderWish | BookingWish) -> bool:
    if isinstance(wish, OrderWish):
        item = {"name": wish.product, "quantity": str(wish.quantity), "price": "1.50"}
        said = {"customerName": wish.name, "customerEmail": wish.email}
        return told("crearOrder", {**said, "items": [item] * wish.items})
    said = {
        "patientName": wish.name,
        "patientEmail": wish.email,
        "doctorName": "Dr. Sosa",
        "date": f"{wish.starts_at:%Y-%m-%dT%H:%M:%S}",
    }
    return told("agendarTurno", {**said, "duration": str(wish.minutes)})


def told(tool: str, arguments: dict[str, Any]) -> bool:
    context = ToolContext(call_id="c", tool_use_id="u", now=clock.now(), time_zone=CLINIC)
    answer = asyncio.run(TOOLS.run(tool, json.dumps(arguments), context))
    return answer.outcome is Outcome.OK


type Ask = Callable[[Client, OrderWish | BookingWish], bool]
each_door = pytest.mark.parametrize("ask", [over_rest, in_the_admin, by_voice])


def email_of(length: int) -> str:
    domain = ".".join(["d" * 63] * 3)
    return f"{'e' * (length - len(domain) - 1)}@{domain[:-4]}.com"


WISHES: list[tuple[str, OrderWish | BookingWish, OrderWish | BookingWish]] = [
    ("quantity", OrderWish(quantity=MAX_QUANTITY), OrderWish(quantity=MAX_QUANTITY + 1)),
    ("no quantity", OrderWish(quantity=1), OrderWish(quantity=0)),
    ("items", OrderWish(items=MAX_ITEMS), OrderWish(items=MAX_ITEMS + 1)),
    ("product", OrderWish(product="P" * MAX_TEXT_LENGTH), OrderWish(product="P" * (MAX_TEXT_LENGTH + 1))),
    ("customer", OrderWish(name="N" * MAX_NAME_LENGTH), OrderWish(name="N" * (MAX_NAME_LENGTH + 1))),
    ("short name", OrderWish(name="Ñ"), OrderWish(name="…")),
    ("e-mail", OrderWish(email=email_of(MAX_EMAIL_LENGTH)), OrderWish(email=email_of(MAX_EMAIL_LENGTH + 1))),
    ("patient", BookingWish(name="N" * MAX_NAME_LENGTH), BookingWish(name="N" * (MAX_NAME_LENGTH + 1))),
    ("short patient", BookingWish(name="Ñ"), BookingWish(name="…")),
    ("short", BookingWish(minutes=MIN_DURATION_MINUTES), BookingWish(minutes=MIN_DURATION_MINUTES - 1)),
    ("long", BookingWish(minutes=MAX_DURATION_MINUTES), BookingWish(minutes=MAX_DURATION_MINUTES + 1)),
]  # fmt: skip


@pytest.mark.parametrize("ask", [over_rest, in_the_admin])
@pytest.mark.parametrize("exceeds", ["1" * (MAX_DNI_DIGITS + 1), "******78", "12x34", "."])
def test_dni_at_limit_is_stored_and_invalid_one_refused(
    staff: Client, ask: Ask, exceeds: str
) -> None:
    fits = "1." * MAX_DNI_DIGITS if ask is over_rest else "1" * MAX_DNI_DIGITS

    assert not ask(staff, OrderWish(dni=exceeds))
    assert orders.services.list_orders().items == []
    assert ask(staff, OrderWish(dni=fits))
    assert [order.dni for order in orders.services.list_orders().items] == ["1" * MAX_DNI_DIGITS]


@each_door
@pytest.mark.parametrize(("fits", "exceeds"), [pytest.param(*each[1:], id=each[0]) for each in WISHES])  # fmt: skip
def test_request_at_limit_succeeds_and_beyond_is_refused(
    staff: Client, ask: Ask, fits: OrderWish | BookingWish, exceeds: OrderWish | BookingWish
) -> None:
    assert not ask(staff, exceeds)
    assert (
        orders.services.list_orders().items,
        appointments.services.list_appointments().items,
    ) == ([], [])
    assert ask(staff, fits)
    stored = orders.services.list_orders().items + appointments.services.list_appointments().items
    assert len(stored) == 1
