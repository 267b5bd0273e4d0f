"""The history of a record in the admin: changes by voice and REST, and links between record and call."""

from datetime import timedelta

import pytest
from django.test import Client

import appointments.services
import conversations.services
import orders.services
from appointments.domain import AppointmentChanges
from common import clock
from common.identity.verification import Customer
from common.record_changes import REST, ChangeOrigin, ChangeWay
from conversations.domain import ToolOutcome
from orders.domain import OrderChanges, OrderStatus
from tests.admin.conftest import ORDERS, open_form
from tests.admin.stored_calls import CONVERSATIONS, open_call

pytestmark = [pytest.mark.store, pytest.mark.django_db, pytest.mark.usefixtures("demo")]

CALL = "c0ffee00c0ffee00c0ffee00c0ffee00"
LINK = f'href="{CONVERSATIONS}{CALL}/change/"'


def outside_changes(client: Client, record: str) -> str:
    """Return the part of a record's history that shows changes by voice and REST."""
    page = client.get(f"/admin/{record}/history/")
    assert page.status_code == 200
    return page.content.decode().partition('id="outside-changes"')[2]


def cancel_order_by_voice() -> None:
    orders.services.cancel_order(
        order_id="2", caller=Customer(name="Juan Pérez", call_id=CALL), now=clock.now()
    )


def test_change_by_voice_is_shown_with_a_link_to_its_call(reception: Client) -> None:
    cancel_order_by_voice()
    shown = outside_changes(reception, "orders/order/2")

    assert "Por voz" in shown
    assert "Modificado: estado" in shown
    assert LINK in shown


def test_change_by_rest_is_shown_without_link(reception: Client) -> None:
    orders.services.update_order(
        order_id="2", changes=OrderChanges(customer_name="Otro"), origin=REST, now=clock.now()
    )
    shown = outside_changes(reception, "orders/order/2")

    assert "Por la API" in shown
    assert "Modificado: cliente" in shown
    assert CONVERSATIONS not in shown


def test_appointment_shows_changes_by_voice(reception: Client) -> None:
    appointments.services.update_appointment(
        appointment_id="1",
        changes=AppointmentChanges(notes="En ayunas"),
        origin=ChangeOrigin(way=ChangeWay.VOICE, call_id=CALL),
        now=clock.now(),
    )
    shown = outside_changes(reception, "appointments/appointment/1")

    assert "Modificado: notas" in shown
    assert LINK in shown


def test_viewer_who_sees_no_calls_gets_no_link(viewer: Client) -> None:
    cancel_order_by_voice()
    shown = outside_changes(viewer, "orders/order/2")

    assert "Por voz" in shown
    assert CONVERSATIONS not in shown


def test_change_in_the_admin_keeps_the_changes_by_voice(reception: Client) -> None:
    cancel_order_by_voice()
    url = f"{ORDERS}2/change/"
    reception.post(url, {**open_form(reception, url), "customer_name": "Otro"})

    assert orders.services.get_order(order_id="2").customer_name == "Otro"
    shown = outside_changes(reception, "orders/order/2")
    assert shown.count("Modificado") == 1


def test_dry_run_adds_no_change(reception: Client) -> None:
    orders.services.cancel_order(
        order_id="2",
        caller=Customer(name="Juan Pérez", call_id=CALL),
        is_dry_run=True,
        now=clock.now(),
    )
    assert orders.services.get_order(order_id="2").status is OrderStatus.PROCESSING
    assert outside_changes(reception, "orders/order/2") == ""


@pytest.mark.parametrize(
    ("record", "link", "label"),
    [
        ("order:2", f'href="{ORDERS}2/change/"', "Pedido 2"),
        ("appointment:1", 'href="/admin/appointments/appointment/1/change/"', "Turno 1"),
        (None, None, None),
        ("unknown:1", None, None),
    ],
)
@pytest.mark.usefixtures("empty_tables")
def test_call_links_to_the_record_of_each_tool_call(
    reception: Client, record: str | None, link: str | None, label: str | None
) -> None:
    began = clock.now() - timedelta(minutes=1)
    open_call("call-1", started_at=began)
    conversations.services.start_tool_call(
        call_id="call-1",
        epoch=1,
        tool_use_id="t",
        name="cancelarOrder",
        arguments={},
        turn=1,
        now=began,
    )
    conversations.services.finish_tool_call(
        call_id="call-1",
        epoch=1,
        tool_use_id="t",
        outcome=ToolOutcome.OK,
        error_code=None,
        duration_ms=1,
        record=record,
        now=began,
    )
    page = reception.get(f"{CONVERSATIONS}call-1/change/").content.decode()
    entries = page.partition('<ol class="entries">')[2].partition("</ol>")[0]

    assert "Cancelar pedido" in entries
    if link is None:
        assert "<a " not in entries
    else:
        assert f"<a {link}>{label}</a>" in entries
