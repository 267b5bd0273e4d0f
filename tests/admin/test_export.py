"""Export of orders from the admin as CSV."""

import csv
import io
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from common import clock
from orders import repository
from orders.domain import Order, OrderItem, OrderStatus
from staff.csv_export import csv_response
from tests.admin.conftest import ORDERS

pytestmark = [pytest.mark.store, pytest.mark.django_db]


def exported(client: Client, **data: Any) -> list[list[str]]:
    response: Any = client.post(ORDERS, {"action": "export_csv", "index": "0", **data})
    assert response["content-type"] == "text/csv; charset=utf-8"
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text), delimiter=";"))


def test_selected_orders_are_exported(demo: datetime, reception: Client) -> None:
    title, *lines = exported(reception, _selected_action=["3", "1"])

    assert title[:3] == ["número", "cliente", "correo electrónico"]
    assert [line[0] for line in lines] == ["1", "3"]
    assert lines[0][3:7] == ["******78", "2 × Producto A; 1 × Producto B", "67,48", "Pendiente"]


def test_all_matching_orders_are_exported(demo: datetime, supervisor: Client) -> None:
    _, *lines = exported(supervisor, _selected_action=["1"], select_across="1")

    assert [line[0] for line in lines] == ["1", "2", "3", "4"]  # as listed: without the cancelled
    assert lines[0][3] == "12345678"


def test_name_that_is_a_formula_stays_text(empty_tables: str, reception: Client) -> None:
    now = clock.now()
    item = OrderItem(name="=1+1", quantity=1, price=Decimal("1.00"), id="1")
    evil = Order(
        id="9",
        customer_name='=HYPERLINK("http://evil.example")',
        customer_email="a@b.com",
        items=(item,),
        total=Decimal("1.00"),
        status=OrderStatus.PENDING,
        created_at=now,
        updated_at=now,
    )
    repository.add_orders([evil])

    assert exported(reception, _selected_action=["9"])[1][1].startswith("'=HYPERLINK")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Ana", "Ana"),
        ("ana@email.com", "ana@email.com"),
        ("Ana-María; 2 × Té", "Ana-María; 2 × Té"),
        ("=1+1", "'=1+1"),
        ("-1", "'-1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("Ana;=1+1", "Ana;'=1+1"),
        ("Ana, +1", "Ana, '+1"),
        ('Ana";"=1+1', 'Ana";"\'=1+1'),
        ("\n=1+1", "\n'=1+1"),
        ("\t=1+1", "\t'=1+1"),
        ("\r=1+1", "\r'=1+1"),
        ("Ana\r\n=1+1", "Ana\r\n'=1+1"),
        (" =1+1", " '=1+1"),
        ("\u200b=1+1", "\ufffd'=1+1"),
        ("＝1+1", "'＝1+1"),
        ("＋1", "'＋1"),
        ("－1", "'－1"),
        ("＠A1", "'＠A1"),
        (Decimal("-67.48"), "-67,48"),
        (Decimal("1E-7"), "0,0000001"),
        (40.5, "40,5"),
        (7, "7"),
        (None, ""),
    ],
)
def test_csv_cell_is_localized_and_never_a_formula(value: object, written: str) -> None:
    response: Any = csv_response("x.csv", [("a;b", lambda record: record)], [value])
    text = b"".join(response.streaming_content).decode()
    doubled = written.replace('"', '""')

    assert text == f'\ufeff"a;b"\r\n"{doubled}"\r\n'
