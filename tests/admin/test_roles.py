"""Permissions of each role in the admin, and languages."""

import json
from datetime import datetime

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client

import orders.services
from common.timestamps import to_iso
from orders.domain import OrderStatus
from tests.admin.conftest import APPOINTMENTS, ORDERS, LogIn, form_of

pytestmark = [pytest.mark.store, pytest.mark.django_db]

DNI = "12345678"


def permissions(role: str) -> set[str]:
    found = Group.objects.get(name=role).permissions
    return set(found.values_list("codename", flat=True))


def test_roles_are_created_by_a_migration() -> None:
    viewer = {
        "view_order",
        "view_appointment",
        "view_product",
        "view_professional",
        "view_specialday",
        "view_informationentry",
        "view_waitingentry",
    }
    reception = viewer | {
        "add_order",
        "change_order",
        "add_appointment",
        "change_appointment",
        "view_conversation",
        "add_informationentry",
        "change_informationentry",
        "add_waitingentry",
        "change_waitingentry",
        "delete_waitingentry",
        "view_followup",
        "add_followup",
        "change_followup",
        "view_profile",
        "view_phone",
        "view_message",
        "change_message",
    }

    assert permissions("viewer") == viewer
    assert permissions("reception") == reception
    assert permissions("supervisor") == reception | {
        "delete_order",
        "delete_appointment",
        "view_dni",
        "delete_informationentry",
        "add_professional",
        "change_professional",
        "delete_professional",
        "add_specialday",
        "change_specialday",
        "delete_specialday",
        "delete_conversation",
        "view_toolrun",
        "view_failedlogins",
        "delete_failedlogins",
        "view_secondfactor",
        "delete_secondfactor",
        "delete_followup",
        "add_product",
        "change_product",
        "delete_product",
        "change_profile",
        "view_webhookendpoint",
        "add_webhookendpoint",
        "change_webhookendpoint",
        "delete_webhookendpoint",
        "view_webhookdelivery",
        "change_webhookdelivery",
    }


def test_no_migration_is_missing() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


@pytest.mark.parametrize("url", ["/admin/", ORDERS, f"{ORDERS}1/change/", f"{APPOINTMENTS}add/"])
def test_anonymous_user_is_redirected_to_the_login(client: Client, url: str) -> None:
    response = client.get(url)

    assert response.status_code == 302
    assert response.headers["location"].startswith("/admin/login/")


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/admin/", 200),
        (ORDERS, 200),
        (f"{ORDERS}1/change/", 200),
        (f"{ORDERS}1/history/", 200),
        (f"{ORDERS}add/", 403),
        (f"{ORDERS}1/delete/", 403),
        (APPOINTMENTS, 200),
        (f"{APPOINTMENTS}1/change/", 200),
        (f"{APPOINTMENTS}add/", 403),
        ("/admin/auth/user/", 403),
    ],
)
def test_viewer_sees_records_without_controls(viewer: Client, url: str, status: int) -> None:
    assert viewer.get(url).status_code == status


def deletion_form_of_order_1() -> dict[str, str]:
    """Return the form data of the confirmation page."""
    version = to_iso(orders.services.get_order(order_id="1").updated_at)
    chosen = {"action": "delete_selected", "_selected_action": "1"}
    return {**chosen, "versions": json.dumps({"1": version}), "post": "yes"}


@pytest.mark.usefixtures("demo")
def test_viewer_changes_nothing(viewer: Client) -> None:
    assert viewer.post(f"{ORDERS}1/change/", {"customer_name": "x"}).status_code == 403
    assert viewer.post(f"{ORDERS}1/delete/", {"post": "yes"}).status_code == 403
    viewer.post(ORDERS, {"action": "cancel", "_selected_action": ["1"], "index": "0"})
    viewer.post(ORDERS, deletion_form_of_order_1())

    stored = orders.services.get_order(order_id="1")
    assert (stored.customer_name, stored.status) == ("Juan Pérez", OrderStatus.PENDING)


@pytest.mark.usefixtures("demo")
def test_reception_does_not_delete(reception: Client) -> None:
    assert reception.get(f"{ORDERS}1/delete/").status_code == 403
    reception.post(ORDERS, deletion_form_of_order_1())

    assert orders.services.get_order(order_id="1").id == "1"


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize("role", ["viewer", "reception"])
@pytest.mark.parametrize("path", ["", "1/change/", "1/history/", "1/delete/", "?q=perez"])
def test_dni_is_masked_without_permission(log_in: LogIn, role: str, path: str) -> None:
    page = log_in(role).get(f"{ORDERS}{path}").content.decode()

    assert DNI not in page.replace(f"TRK{DNI}9", "")


@pytest.mark.usefixtures("demo")
def test_dni_is_shown_with_permission(supervisor: Client) -> None:
    url = f"{ORDERS}1/change/"
    form = form_of(supervisor.get(url))
    assert form["dni"] == DNI

    supervisor.post(url, {**form, "dni": "20.000.111"})
    assert orders.services.get_order(order_id="1").dni == "20000111"


@pytest.mark.usefixtures("demo")
def test_masked_dni_can_not_be_changed(reception: Client) -> None:
    url = f"{ORDERS}1/change/"
    reception.post(url, {**form_of(reception.get(url)), "dni": "1"})

    assert orders.services.get_order(order_id="1").dni == DNI


@pytest.mark.usefixtures("demo")
def test_autocomplete_finds_orders(reception: Client) -> None:
    asked = {"app_label": "orders", "model_name": "orderitem", "field_name": "order"}
    response = reception.get("/admin/autocomplete/", {**asked, "term": "perez"}).json()

    assert response["results"] == [{"id": "1", "text": "Pedido 1"}, {"id": "2", "text": "Pedido 2"}]
    assert response["pagination"] == {"more": False}


# --- Languages


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize(
    ("language", "labels"),
    [
        ("es-AR", ["Pedidos", "cliente", "Pendiente", "Exportar como CSV", "4 pedidos"]),
        ("en", ["Orders", "customer", "Pending", "Export as CSV", "4 orders"]),
        ("fr", ["Pedidos"]),
    ],
)
def test_admin_is_in_spanish_by_default_and_english(
    reception: Client, language: str, labels: list[str]
) -> None:
    page = reception.get(ORDERS, headers={"accept-language": language}).content.decode()

    for label in labels:
        assert label.lower() in page.lower()


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize("url", ["/admin/", ORDERS, f"{ORDERS}1/change/", f"{APPOINTMENTS}add/"])
def test_pages_comply_with_the_content_security_policy(reception: Client, url: str) -> None:
    response = reception.get(url)
    page = response.content.decode()

    assert "'unsafe-inline'" not in response.headers["content-security-policy"]
    assert " style=" not in page
    assert " onclick=" not in page
    assert "<script>" not in page
    assert "<style" not in page


def test_superuser_manages_users(db: None, client: Client, demo: datetime) -> None:
    client.force_login(User.objects.create_superuser("root"))

    for url in ("/admin/auth/user/", "/admin/auth/group/", "/admin/auth/user/?q=ro"):
        assert client.get(url).status_code == 200
