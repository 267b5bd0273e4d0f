"""Staff of each role, logged in, on the stand-in."""

from collections.abc import Callable, Iterator
from datetime import datetime
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
    """The operations that went to DynamoDB, by name."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __len__(self) -> int:
        return len(self.names)


@pytest.fixture
def requests(dynamodb: str) -> Iterator[Requests]:
    """Count what is asked of DynamoDB, where botocore sends it."""
    counted = Requests()

    def count(model: Any, **_rest: Any) -> None:
        counted.names.append(model.name)

    check_tables()
    events = shared_client.root().client.meta.events
    events.register("before-call.dynamodb", count)
    yield counted
    events.unregister("before-call.dynamodb", count)


def form_of(page: Any) -> dict[str, Any]:
    """Return what a browser would send of a page's form if nothing were changed."""
    admin_form = page.context["adminform"].form
    data: dict[str, Any] = {}
    forms = [admin_form, *_inline_forms(page)]
    for form in forms:
        for bound in form:
            data.update(_sent(bound))
    return {name: value for name, value in data.items() if value is not None}


def _inline_forms(page: Any) -> list[Any]:
    formsets = [inline.formset for inline in page.context["inline_admin_formsets"]]
    return [form for formset in formsets for form in [formset.management_form, *formset.forms]]


def _sent(bound: Any) -> dict[str, Any]:
    widget, value = bound.field.widget, bound.value()
    if hasattr(widget, "widgets"):
        shown = widget.decompress(value)
        parts = zip(widget.widgets_names, widget.widgets, shown, strict=True)
        return {f"{bound.html_name}{n}": w.format_value(v) or "" for n, w, v in parts}
    if hasattr(widget, "check_test"):
        return {bound.html_name: "on"} if value else {}
    return {bound.html_name: "" if value is None else value}


def errors(page: Any) -> dict[str, list[str]]:
    """Return what a form that was refused says, by field."""
    assert page.status_code == 200, page
    form = page.context["adminform"].form
    return {name: [str(text) for text in texts] for name, texts in form.errors.items()}


def messages(page: Any) -> list[str]:
    return [str(message) for message in page.context["messages"]]


def open_form(client: Client, url: str) -> dict[str, Any]:
    return form_of(client.get(url))
