"""The limits of a field are the same through every interface."""

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
from common.contact import MAX_DNI_DIGITS, MAX_EMAIL_LENGTH, MAX_NAME_LENGTH
from conversations.domain import ToolOutcome
from orders.domain import MAX_ITEMS, MAX_QUANTITY, MAX_TEXT_LENGTH
from tests.fixtures.forms import fields_of
from tests.interfaces.clients import CLINIC
from voice.tools import TOOLS
from voice.tools.registry import ToolContext

pytestmark = [pytest.mark.store, pytest.mark.django_db, pytest.mark.usefixtures("empty_tables")]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """An order to place; the defaults are valid."""

    name: str = "Eva Luna"
    email: str = "eva@email.com"
    items: int = 1
    quantity: int = 1
    product: str = "Teclado"
    dni: str = ""  # the voice tool has no such parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingRequest:
    """An appointment to book; the defaults are valid."""

    name: str = "Eva Luna"
    email: str = "eva@email.com"
    minutes: int = 30
    starts_at: datetime = field(
        default_factory=lambda: (clock.now().astimezone(CLINIC) + timedelta(days=3)).replace(
            hour=8, minute=0, second=0, microsecond=0
        )
    )


# --- The interfaces


@pytest.fixture
def staff(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("boss"))
    return client


def submit_over_rest(staff: Client, request: OrderRequest | BookingRequest) -> bool:
    if isinstance(request, OrderRequest):
        item = {"name": request.product, "quantity": request.quantity, "price": 1.5}
        items = [item] * request.items
        path, body = "/orders", {"customerName": request.name, "customerEmail": request.email}
        return post_json(staff, path, {**body, "items": items, "dni": request.dni})
    body = {
        "patientName": request.name,
        "patientEmail": request.email,
        "doctorName": "Dr. Sosa",
        "date": request.starts_at.isoformat(),
    }
    return post_json(staff, "/appointments", {**body, "duration": request.minutes})


def post_json(staff: Client, path: str, body: dict[str, Any]) -> bool:
    return staff.post(path, json.dumps(body), content_type="application/json").status_code == 201


def submit_in_admin(staff: Client, request: OrderRequest | BookingRequest) -> bool:
    if isinstance(request, OrderRequest):
        form = {"customer_name": request.name, "customer_email": request.email, "dni": request.dni}
        form["lines-TOTAL_FORMS"] = str(request.items)
        line = {"name": request.product, "quantity": str(request.quantity), "price": "1,50"}
        for position in range(request.items):
            form |= {f"lines-{position}-{name}": value for name, value in line.items()}
        return post_form(staff, "/admin/orders/order/add/", form)
    form = {
        "patient_name": request.name,
        "patient_email": request.email,
        "doctor_name": "Dr. Sosa",
        "starts_at_0": f"{request.starts_at:%d/%m/%Y}",
        "starts_at_1": f"{request.starts_at:%H:%M}",
        "duration_min": str(request.minutes),
    }
    return post_form(staff, "/admin/appointments/appointment/add/", form)


def post_form(staff: Client, path: str, form: dict[str, str]) -> bool:
    shown = fields_of(staff.get(path).content.decode())
    return staff.post(path, {**shown, **form}).status_code == 302


def submit_by_voice(staff: Client, request: OrderRequest | BookingRequest) -> bool:
    if isinstance(request, OrderRequest):
        item = {"name": request.product, "quantity": str(request.quantity), "price": "1.50"}
        arguments: dict[str, Any] = {"customerName": request.name, "customerEmail": request.email}
        return run_tool("crearOrder", {**arguments, "items": [item] * request.items})
    arguments = {
        "patientName": request.name,
        "patientEmail": request.email,
        "doctorName": "Dr. Sosa",
        "date": f"{request.starts_at:%Y-%m-%dT%H:%M:%S}",
    }
    return run_tool("agendarTurno", {**arguments, "duration": str(request.minutes)})


def run_tool(tool: str, arguments: dict[str, Any]) -> bool:
    context = ToolContext(call_id="c", tool_use_id="u", now=clock.now(), time_zone=CLINIC)
    result = asyncio.run(TOOLS.run(tool, json.dumps(arguments), context, deadline_s=10))
    return result.outcome is ToolOutcome.OK


type Submit = Callable[[Client, OrderRequest | BookingRequest], bool]
each_interface = pytest.mark.parametrize(
    "submit", [submit_over_rest, submit_in_admin, submit_by_voice]
)


def email_of(length: int) -> str:
    domain = ".".join(["d" * 63] * 3)
    return f"{'e' * (length - len(domain) - 1)}@{domain[:-4]}.com"


LIMITS: list[tuple[str, OrderRequest | BookingRequest, OrderRequest | BookingRequest]] = [
    ("quantity", OrderRequest(quantity=MAX_QUANTITY), OrderRequest(quantity=MAX_QUANTITY + 1)),
    ("no quantity", OrderRequest(quantity=1), OrderRequest(quantity=0)),
    ("items", OrderRequest(items=MAX_ITEMS), OrderRequest(items=MAX_ITEMS + 1)),
    ("product", OrderRequest(product="P" * MAX_TEXT_LENGTH), OrderRequest(product="P" * (MAX_TEXT_LENGTH + 1))),
    ("customer", OrderRequest(name="N" * MAX_NAME_LENGTH), OrderRequest(name="N" * (MAX_NAME_LENGTH + 1))),
    ("short name", OrderRequest(name="Ñ"), OrderRequest(name="…")),
    ("e-mail", OrderRequest(email=email_of(MAX_EMAIL_LENGTH)), OrderRequest(email=email_of(MAX_EMAIL_LENGTH + 1))),
    ("patient", BookingRequest(name="N" * MAX_NAME_LENGTH), BookingRequest(name="N" * (MAX_NAME_LENGTH + 1))),
    ("short patient", BookingRequest(name="Ñ"), BookingRequest(name="…")),
    ("short", BookingRequest(minutes=MIN_DURATION_MINUTES), BookingRequest(minutes=MIN_DURATION_MINUTES - 1)),
    ("long", BookingRequest(minutes=MAX_DURATION_MINUTES), BookingRequest(minutes=MAX_DURATION_MINUTES + 1)),
]  # fmt: skip


@pytest.mark.parametrize("submit", [submit_over_rest, submit_in_admin])
@pytest.mark.parametrize("exceeds", ["1" * (MAX_DNI_DIGITS + 1), "******78", "12x34", "."])
def test_dni_at_limit_is_stored_and_invalid_one_refused(
    staff: Client, submit: Submit, exceeds: str
) -> None:
    fits = "1." * MAX_DNI_DIGITS if submit is submit_over_rest else "1" * MAX_DNI_DIGITS

    assert not submit(staff, OrderRequest(dni=exceeds))
    assert orders.services.list_orders().items == []
    assert submit(staff, OrderRequest(dni=fits))
    assert [order.dni for order in orders.services.list_orders().items] == ["1" * MAX_DNI_DIGITS]


@each_interface
@pytest.mark.parametrize(("fits", "exceeds"), [pytest.param(*each[1:], id=each[0]) for each in LIMITS])  # fmt: skip
def test_request_at_limit_succeeds_and_beyond_is_refused(
    staff: Client,
    submit: Submit,
    fits: OrderRequest | BookingRequest,
    exceeds: OrderRequest | BookingRequest,
) -> None:
    assert not submit(staff, exceeds)
    assert (
        orders.services.list_orders().items,
        appointments.services.list_appointments().items,
    ) == ([], [])
    assert submit(staff, fits)
    stored = orders.services.list_orders().items + appointments.services.list_appointments().items
    assert len(stored) == 1
