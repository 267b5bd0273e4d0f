"""Orders in the admin: adding, changing, deleting, actions, history."""

import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import ActionLocation
from django.test import Client
from django.utils.timezone import localtime
from pytest_django.fixtures import Settings

import orders.services
from common import clock
from common.dynamodb.client import reset_client
from common.errors import NotFoundError
from orders.domain import OrderChanges, OrderItem, OrderStatus
from tests.admin.conftest import ORDERS, errors, messages, open_form
from tests.fixtures.forms import fields_of

pytestmark = [pytest.mark.store, pytest.mark.django_db, pytest.mark.usefixtures("demo")]


def order(order_id: str) -> Any:
    return orders.services.get_order(order_id=order_id)


# --- Changing


def test_order_and_its_items_are_changed_in_one_write(reception: Client) -> None:
    url = f"{ORDERS}1/change/"
    form = open_form(reception, url)
    new_line = {
        "lines-TOTAL_FORMS": "3",
        "lines-2-id": "",
        "lines-2-order": "1",
        "lines-2-name": "Producto Z",
        "lines-2-description": "",
        "lines-2-quantity": "2",
        "lines-2-price": "1,25",
    }
    changed = {"customer_name": "Juan Pablo Pérez", "lines-0-quantity": "3", "lines-1-DELETE": "on"}

    assert reception.post(url, {**form, **new_line, **changed}).status_code == 302
    stored = order("1")
    assert stored.customer_name == "Juan Pablo Pérez"
    assert [(item.name, item.quantity, item.price) for item in stored.items] == [
        ("Producto A", 3, Decimal("25.99")),
        ("Producto Z", 2, Decimal("1.25")),
    ]
    assert stored.total == Decimal("80.47")
    assert stored.customer_email == "juan.perez@email.com"
    assert stored.dni == "12345678"  # reception doesn't see it; it is unchanged


@pytest.mark.parametrize("typed", ["1.234,56", "$ 1.234,56", "1234,56", "1234.56"])
def test_prices_are_typed_as_argentina_writes_them(reception: Client, typed: str) -> None:
    url = f"{ORDERS}1/change/"
    form = open_form(reception, url)
    assert reception.post(url, {**form, "lines-0-price": typed}).status_code == 302
    assert order("1").items[0].price == Decimal("1234.56")
    assert "$\N{NO-BREAK SPACE}" in reception.get(ORDERS).text


def test_estimated_delivery_is_a_day(reception: Client, viewer: Client) -> None:
    url = f"{ORDERS}2/change/"
    form = open_form(reception, url)
    assert reception.post(url, {**form, "estimated_delivery": "25/12/2030"}).status_code == 302
    delivery = order("2").estimated_delivery
    assert delivery is not None
    assert localtime(delivery).strftime("%d/%m/%Y") == "25/12/2030"
    assert "25 de diciembre de 2030" in viewer.get(url).text

    form = open_form(reception, url)
    assert form["estimated_delivery"] == date(2030, 12, 25)
    reception.post(url, {**form, "customer_name": "Otra Persona"})
    assert order("2").estimated_delivery == delivery


def test_fields_of_product_rows_have_names_for_screen_readers(reception: Client) -> None:
    page = reception.get(f"{ORDERS}1/change/").text
    fields = re.findall(r'<(?:input|textarea)[^>]*name="lines-\d+-[a-zA-Z]+"[^>]*>', page)
    shown = [each for each in fields if 'type="hidden"' not in each]
    assert len(shown) >= 10
    assert [each for each in shown if "aria-label=" not in each] == []


def test_items_keep_their_ids_when_others_change(reception: Client) -> None:
    """The items have article numbers of the shop, which came by REST."""
    items = [
        OrderItem(id=f"SKU-{n}", name=f"Producto {n}", quantity=1, price=Decimal("2.00"))
        for n in (7, 8, 9)
    ]
    changes = OrderChanges(items=items)
    orders.services.update_order(order_id="1", changes=changes, now=clock.now())
    url = f"{ORDERS}1/change/"
    added = {
        "lines-TOTAL_FORMS": "4",
        "lines-3-order": "1",
        "lines-3-name": "Producto Z",
        "lines-3-quantity": "1",
        "lines-3-price": "1,25",
    }
    edited = {"lines-0-quantity": "5", "lines-1-DELETE": "on", **added}

    assert reception.post(url, {**open_form(reception, url), **edited}).status_code == 302
    stored = order("1").items
    assert [(item.id, item.quantity) for item in stored[:2]] == [("SKU-7", 5), ("SKU-9", 1)]
    assert stored[2].id
    assert len({item.id for item in stored}) == 3


@pytest.mark.parametrize("button", ["_save", "_continue", "_addanother"])
@pytest.mark.parametrize("typed", [{}, {"customer_name": " Juan  Pérez "}], ids=["same", "blanks"])
def test_form_without_changes_warns_and_logs_nothing(
    reception: Client, typed: dict[str, str], button: str
) -> None:
    before = order("1")
    url = f"{ORDERS}1/change/"
    form = {**open_form(reception, url), **typed, button: "x"}
    page = reception.post(url, form, follow=True)

    assert messages(page) == ["Pedido 1: Ya estaba así; no se cambió nada."]
    assert page.redirect_chain[0][1] == 302
    assert order("1") == before
    assert not LogEntry.objects.exists()


def test_second_of_two_editors_overwrites_nothing(reception: Client, supervisor: Client) -> None:
    url = f"{ORDERS}2/change/"
    first, second = open_form(reception, url), open_form(supervisor, url)
    reception.post(url, {**first, "customer_name": "Primera"})

    page = supervisor.post(url, {**second, "customer_name": "Segunda"})
    form_errors = errors(page)
    assert (
        form_errors["__all__"][0]
        == "Otra persona acaba de cambiar esto. Fijate de nuevo, por favor."
    )
    assert form_errors["customer_name"] == ["Guardado ahora: Primera"]
    assert page.context["adminform"].form["customer_name"].value() == "Segunda"
    assert order("2").customer_name == "Primera"


def test_conflict_is_shown_instead_of_other_errors(reception: Client, supervisor: Client) -> None:
    url = f"{ORDERS}1/change/"
    form = open_form(supervisor, url)
    now = clock.now()
    for status in (OrderStatus.PROCESSING, OrderStatus.SHIPPED):
        orders.services.update_order(order_id="1", changes=OrderChanges(status=status), now=now)

    form_errors = errors(supervisor.post(url, form))  # says "pending", which can't follow "shipped"
    assert "Guardado ahora: Enviado" in form_errors["status"]
    assert order("1").status is OrderStatus.SHIPPED


@pytest.mark.parametrize("version", ["", "never", "2020-01-01T00:00:00.000Z"])
def test_form_without_version_is_refused(reception: Client, version: str) -> None:
    url = f"{ORDERS}2/change/"
    form = {**open_form(reception, url), "version": version, "customer_name": "Otro"}

    assert "__all__" in errors(reception.post(url, form))
    assert order("2").customer_name == "Juan Pérez"


def test_form_of_a_deleted_record_shows_a_message(reception: Client) -> None:
    url = f"{ORDERS}2/change/"
    form = open_form(reception, url)
    orders.services.delete_order(order_id="2", now=clock.now())

    page = reception.post(url, form, follow=True)
    assert "no existe" in " ".join(messages(page))


def test_status_field_offers_only_what_may_follow(reception: Client) -> None:
    page = reception.get(f"{ORDERS}1/change/")
    choices = page.context["adminform"].form.fields["status"].choices

    assert [value for value, _ in choices] == ["pending", "processing", "cancelled"]


def test_items_of_a_packed_order_are_read_only(reception: Client) -> None:
    page = reception.get(f"{ORDERS}3/change/").content.decode()

    assert "Producto A" in page
    assert 'name="lines-0-quantity"' not in page


def test_packed_order_ignores_submitted_items(reception: Client) -> None:
    url = f"{ORDERS}3/change/"
    form = {**open_form(reception, url), "tracking_number": "TRK9", "lines-0-quantity": "99"}

    assert reception.post(url, form).status_code == 302
    assert order("3").tracking_number == "TRK9"
    assert order("3").items[0].quantity == 2


# --- Adding and deleting


NEW_ORDER = {
    "customer_name": "Eva Luna",
    "customer_email": "Eva@Email.com",
    "dni": "30.111.222",
    "lines-0-name": "Producto N",
    "lines-0-quantity": "2",
    "lines-0-price": "10,50",
}


def test_order_is_added_once_when_submitted_twice(reception: Client) -> None:
    form = {**open_form(reception, f"{ORDERS}add/"), **NEW_ORDER}
    for _ in range(2):
        assert reception.post(f"{ORDERS}add/", form).status_code == 302

    [stored] = [o for o in orders.services.list_orders().items if o.customer_name == "Eva Luna"]
    assert (stored.total, stored.customer_email) == (Decimal("21.00"), "eva@email.com")
    assert stored.dni == "30111222"


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"customer_name": "123"}, "customer_name"),
        ({"customer_email": "nowhere"}, "customer_email"),
        ({"dni": "none"}, "dni"),
    ],
)
def test_invalid_values_are_shown_at_their_fields(
    reception: Client, typed: dict[str, str], field: str
) -> None:
    form = {**open_form(reception, f"{ORDERS}add/"), **NEW_ORDER, **typed}
    count = len(orders.services.list_orders().items)

    assert field in errors(reception.post(f"{ORDERS}add/", form))
    assert len(orders.services.list_orders().items) == count


@pytest.mark.parametrize(
    "typed",
    [
        {"lines-0-price": "-1"},
        {"lines-0-price": "1,999"},
        {"lines-0-quantity": "0"},
        {"lines-0-quantity": "10001"},
        {"lines-0-name": ""},
        {"lines-TOTAL_FORMS": "0"},
    ],
)
def test_invalid_items_are_refused(reception: Client, typed: dict[str, str]) -> None:
    form = {**open_form(reception, f"{ORDERS}add/"), **NEW_ORDER, **typed}
    page = reception.post(f"{ORDERS}add/", form)

    assert page.status_code == 200
    assert page.context["errors"]
    assert all(o.customer_name != "Eva Luna" for o in orders.services.list_orders().items)


def test_order_is_deleted_after_confirmation(supervisor: Client) -> None:
    asked = supervisor.get(f"{ORDERS}2/delete/").content.decode()
    assert "Pedido 2" in asked
    assert order("2")

    supervisor.post(f"{ORDERS}2/delete/", fields_of(asked))
    with pytest.raises(NotFoundError):
        order("2")


def test_order_changed_after_the_question_is_not_deleted(supervisor: Client) -> None:
    asked = supervisor.get(f"{ORDERS}2/delete/").context["object"].version
    now = clock.now()
    orders.services.update_order(
        order_id="2", changes=OrderChanges(status=OrderStatus.SHIPPED), now=now
    )
    page = supervisor.post(f"{ORDERS}2/delete/", {"post": "yes", "version": asked}, follow=True)

    assert messages(page) == ["Otra persona acaba de cambiar esto. Fijate de nuevo, por favor."]
    assert order("2").status is OrderStatus.SHIPPED
    assert not LogEntry.objects.exists()


def test_several_orders_are_deleted_after_confirmation(supervisor: Client) -> None:
    chosen = {"action": "delete_selected", "_selected_action": ["1", "2"]}
    asked = supervisor.post(ORDERS, {**chosen, "index": "0"}).content.decode()
    assert "Pedido 1" in asked
    assert order("1")

    page = supervisor.post(ORDERS, {**fields_of(asked), **chosen}, follow=True)
    assert messages(page) == ["Eliminados: 2"]
    assert [o.id for o in orders.services.list_orders().items] == ["3", "5", "4"]
    logged = LogEntry.objects.order_by("object_id")
    assert [entry.object_repr for entry in logged] == ["Pedido 1", "Pedido 2"]


def test_changed_orders_are_kept_when_several_are_deleted(supervisor: Client) -> None:
    chosen = {"action": "delete_selected", "_selected_action": ["1", "2", "4"], "index": "0"}
    asked = fields_of(supervisor.post(ORDERS, chosen).content.decode())
    changes = OrderChanges(customer_name="Cambiada Mientras")
    orders.services.update_order(order_id="1", changes=changes, now=clock.now())
    orders.services.delete_order(order_id="4", now=clock.now())
    page = supervisor.post(ORDERS, {**asked, **chosen}, follow=True)

    assert messages(page) == [
        "Pedido 1: Otra persona acaba de cambiar esto. Fijate de nuevo, por favor.",
        "Eliminados: 1",
        "Pedido 4: Ya no está en esta lista.",
    ]
    assert [o.id for o in orders.services.list_orders().items] == ["1", "3", "5"]
    assert LogEntry.objects.get().object_repr == "Pedido 2"


@pytest.mark.parametrize("path", [ORDERS, f"{ORDERS}1/delete/"])
def test_deletion_without_versions_is_refused(supervisor: Client, path: str) -> None:
    data = {"action": "delete_selected", "_selected_action": ["1"], "post": "yes"}
    page = supervisor.post(path, data, follow=True)

    assert "Otra persona acaba de cambiar esto" in messages(page)[0]
    assert order("1")


@pytest.mark.parametrize("versions", ["", "{", "[]", '{"1": 5}'])
def test_deletion_with_invalid_versions_is_refused(supervisor: Client, versions: str) -> None:
    data = {"action": "delete_selected", "_selected_action": ["1"], "post": "yes"}
    page = supervisor.post(ORDERS, {**data, "versions": versions}, follow=True)

    assert page.status_code == 200
    assert order("1")


def test_deletion_of_all_matches_covers_the_confirmed_ones(supervisor: Client) -> None:
    path = f"{ORDERS}?status=pending"
    asked = supervisor.post(
        path, {"action": "delete_selected", "_selected_action": "1", "select_across": "1"}
    ).content.decode()
    newer = orders.services.place_order(
        customer_name="Eva Luna",
        customer_email="eva@email.com",
        items=[OrderItem(name="Producto N", quantity=1, price=Decimal("1.00"))],
        total=None,
        token="newer",
        now=clock.now(),
    )

    page = supervisor.post(path, fields_of(asked), follow=True)
    assert messages(page) == ["Eliminados: 1"]
    assert [o.id for o in orders.services.list_orders().items] == [newer.id, "2", "3", "5", "4"]


# --- Actions


def test_status_action_changes_orders_and_reports_the_others(reception: Client) -> None:
    data = {"action": "ship", "_selected_action": ["2", "4"], "index": "0"}
    page = reception.post(ORDERS, data, follow=True)

    assert order("2").status is OrderStatus.SHIPPED
    assert order("2").tracking_number
    assert order("4").status is OrderStatus.DELIVERED
    refused, done = messages(page)
    assert refused == "Pedido 4: Un pedido en estado «entregado» no puede pasar a «enviado»."
    assert done == "Estado cambiado a Enviado: 1"


def test_action_without_effect_warns_and_logs_nothing(reception: Client) -> None:
    before = order("3")
    data = {"action": "ship", "_selected_action": ["3"], "index": "0"}
    page = reception.post(ORDERS, data, follow=True)

    assert messages(page) == ["Pedido 3: Ya estaba así; no se cambió nada."]
    assert order("3") == before
    assert not LogEntry.objects.exists()


def test_cancelled_order_is_not_cancelled_again(reception: Client) -> None:
    before = order("5")
    data = {"action": "cancel", "_selected_action": ["5"], "index": "0"}
    page = reception.post(ORDERS, data, follow=True)

    assert messages(page) == ["Pedido 5: Ese pedido ya está cancelado."]
    assert order("5") == before
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("path", [ORDERS, f"{ORDERS}?status=pending"], ids=["all", "filtered"])
def test_action_reports_selected_records_that_are_gone(reception: Client, path: str) -> None:
    """A record can be gone because it was deleted or no longer matches the filter."""
    if path == ORDERS:
        orders.services.delete_order(order_id="2", now=clock.now())
    data = {"action": "prepare", "_selected_action": ["2", "1"], "index": "0"}
    page = reception.post(path, data, follow=True)

    assert messages(page) == [
        "Estado cambiado a En preparación: 1",
        "Pedido 2: Ya no está en esta lista.",
    ]


def test_order_can_be_cancelled_from_its_form(reception: Client) -> None:
    url = f"{ORDERS}1/change/"
    form = open_form(reception, url)
    reception.post(url, {**form, **action_of_form("cancel", "1")})

    assert order("1").status is OrderStatus.CANCELLED


def action_of_form(action: str, order_id: str) -> dict[str, str]:
    return {f"{ActionLocation.CHANGE_FORM.value}-action": action, "_selected_action": order_id}


@pytest.mark.parametrize("action", ["prepare", "cancel"])
def test_form_action_applies_to_the_shown_version_only(reception: Client, action: str) -> None:
    url = f"{ORDERS}1/change/"
    form = {**open_form(reception, url), **action_of_form(action, "1")}
    changes = OrderChanges(customer_name="Cambiada Mientras")
    changed = orders.services.update_order(order_id="1", changes=changes, now=clock.now())
    page = reception.post(url, form, follow=True)

    assert messages(page) == [
        "Pedido 1: Otra persona acaba de cambiar esto. Fijate de nuevo, por favor."
    ]
    assert order("1") == changed
    assert not LogEntry.objects.exists()


# --- History


def test_history_names_the_changed_fields(reception: Client) -> None:
    url = f"{ORDERS}2/change/"
    reception.post(url, {**open_form(reception, url), "customer_name": "Otro"})
    reception.post(ORDERS, {"action": "ship", "_selected_action": ["2"], "index": "0"})

    page = reception.get(f"{ORDERS}2/history/").content.decode()
    assert "Modificado Cliente." in page
    assert "Estado cambiado a Enviado" in page
    assert "Modificado Cliente y " not in page  # the hidden fields are not in the history


def test_history_has_no_failed_changes(reception: Client) -> None:
    url = f"{ORDERS}2/change/"
    reception.post(url, {**open_form(reception, url), "version": "", "customer_name": "Otro"})
    reception.post(ORDERS, {"action": "deliver", "_selected_action": ["2"], "index": "0"})

    assert not LogEntry.objects.exists()


# --- Outage


def test_outage_is_shown_with_the_submitted_values(reception: Client, settings: Settings) -> None:
    settings.ORDERS_TABLE = "not-there"
    reset_client()
    page = reception.get(ORDERS)
    reset_client()

    assert page.status_code == 503
    assert "no puedo acceder a los registros" in page.content.decode()
