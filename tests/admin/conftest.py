"""Logged-in staff of each role, and helpers for the pages of the admin."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django.fixtures import Settings

import appointments.demo
import orders.demo
from common import clock
from common.dynamodb.client import shared_client
from common.dynamodb.tables import check_tables
from conversations.domain import ConversationStatistics
from tests.admin.stored_calls import STATISTICS, add_tool_call, add_utterances, end_call, open_call

ORDERS = "/admin/orders/order/"
APPOINTMENTS = "/admin/appointments/appointment/"
DOCTORS = ["Dr. Rodríguez", "Dra. Gómez", "Dr. Sosa", "Dra. Fernández"]


@pytest.fixture(autouse=True)
def clinic(settings: Settings) -> None:
    settings.CLINIC_DOCTORS = DOCTORS


@pytest.fixture
def demo(empty_tables: str) -> datetime:
    now = clock.now()
    orders.demo.seed(now=now)
    appointments.demo.seed(now=now)
    return now


@pytest.fixture
def calls() -> datetime:
    """Store a live call, one that ended, one that failed and a lost one; return the current time."""
    now = clock.now()
    open_call("lost", started_at=now - timedelta(days=2))
    open_call("failed", started_at=now - timedelta(hours=2))
    add_utterances("failed", "Hola", "Buenas", at=now - timedelta(hours=2))
    end_call(
        "failed",
        at=now - timedelta(hours=1),
        statistics=ConversationStatistics(error_codes=("throttled",)),
    )
    began = now - timedelta(minutes=10)
    open_call("ended", started_at=began)
    add_tool_call("ended", "tool-1", "consultarOrder", at=began, outcome="ok", dni="12345678")
    add_utterances(
        "ended",
        "Mi DNI es 12345678, ¿dónde está el pedido 300107?",
        "Llega <mañana>",
        at=began,
        interrupted=True,
        latency_ms=812.3,
        playback_latency_ms=905.0,
    )
    end_call("ended", at=began + timedelta(seconds=125), statistics=STATISTICS)
    open_call("live", started_at=now)
    add_utterances("live", "Quiero cancelar", at=now)
    add_tool_call("live", "tool-2", "cancelarOrder", at=now, outcome="refused", orderId="300107")
    return now


type LogIn = Callable[..., Client]


@pytest.fixture
def log_in(db: None) -> LogIn:
    def logged_in(role: str, name: str | None = None) -> Client:
        user = User.objects.create_user(name or role, is_staff=True)
        user.groups.add(Group.objects.get(name=role))
        client = Client()
        client.force_login(user)
        return client

    return logged_in


@pytest.fixture
def reception(log_in: LogIn) -> Client:
    return log_in("reception")


@pytest.fixture
def supervisor(log_in: LogIn) -> Client:
    return log_in("supervisor")


@pytest.fixture
def viewer(log_in: LogIn) -> Client:
    return log_in("viewer")


class Requests:
    """The names of the operations that were sent to DynamoDB."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __len__(self) -> int:
        return len(self.names)


@pytest.fixture
def requests(dynamodb: str) -> Iterator[Requests]:
    """Record the requests that botocore sends to DynamoDB."""
    recorded = Requests()

    def record(model: Any, **_rest: Any) -> None:
        recorded.names.append(model.name)

    check_tables()
    events = shared_client.root().client.meta.events
    events.register("before-call.dynamodb", record)
    yield recorded
    events.unregister("before-call.dynamodb", record)


def form_of(page: Any) -> dict[str, Any]:
    """Return the data that a browser would send for an unchanged form."""
    admin_form = page.context["adminform"].form
    data: dict[str, Any] = {}
    forms = [admin_form, *_inline_forms(page)]
    for form in forms:
        for bound in form:
            data.update(_field_data(bound))
    return {name: value for name, value in data.items() if value is not None}


def _inline_forms(page: Any) -> list[Any]:
    formsets = [inline.formset for inline in page.context["inline_admin_formsets"]]
    return [form for formset in formsets for form in [formset.management_form, *formset.forms]]


def _field_data(bound: Any) -> dict[str, Any]:
    widget, value = bound.field.widget, bound.value()
    if hasattr(widget, "widgets"):
        shown = widget.decompress(value)
        parts = zip(widget.widgets_names, widget.widgets, shown, strict=True)
        return {f"{bound.html_name}{n}": w.format_value(v) or "" for n, w, v in parts}
    if hasattr(widget, "check_test"):
        return {bound.html_name: "on"} if value else {}
    return {bound.html_name: "" if value is None else value}


def errors(page: Any) -> dict[str, list[str]]:
    """Return the errors of a refused form, by field."""
    assert page.status_code == 200, page
    form = page.context["adminform"].form
    return {name: [str(text) for text in texts] for name, texts in form.errors.items()}


def messages(page: Any) -> list[str]:
    return [str(message) for message in page.context["messages"]]


def open_form(client: Client, url: str) -> dict[str, Any]:
    return form_of(client.get(url))
