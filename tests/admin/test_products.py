"""The product catalogue in the admin, and its import from a file."""

from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

import orders.demo
import orders.services
from common import clock
from common.identity.verification import Customer
from common.timestamps import to_iso
from orders import product_services
from orders.domain import OrderItem
from tests.admin.conftest import ORDERS, errors, messages, open_form

pytestmark = [pytest.mark.store, pytest.mark.django_db]

PRODUCTS = "/admin/orders/product/"


@pytest.fixture(autouse=True)
def catalogue(empty_tables: str) -> None:
    orders.demo.seed_products(now=clock.now())


def product_id(name: str) -> str:
    return next(each.id for each in product_services.all_products() if each.name == name)


def prices() -> dict[str, Decimal]:
    return {each.name: each.price for each in product_services.all_products()}


def test_supervisor_adds_changes_and_deletes_a_product(supervisor: Client) -> None:
    form = open_form(supervisor, f"{PRODUCTS}add/")
    added = {"name": " Gorra  azul ", "price": "1.234,50", "is_offered": "on"}
    assert supervisor.post(f"{PRODUCTS}add/", {**form, **added}).status_code == 302
    assert prices()["Gorra azul"] == Decimal("1234.50")

    url = f"{PRODUCTS}{product_id('Gorra azul')}/change/"
    form = open_form(supervisor, url)
    form.pop("is_offered")
    assert supervisor.post(url, {**form, "price": "2000"}).status_code == 302
    stored = product_services.get_product(product_id=product_id("Gorra azul"))
    assert (stored.price, stored.is_offered) == (Decimal("2000.00"), False)

    page = supervisor.get(PRODUCTS).content.decode()
    assert "$\N{NO-BREAK SPACE}2.000,00" in page
    url = f"{PRODUCTS}{stored.id}/delete/"
    confirmed = {"post": "yes", "version": to_iso(stored.updated_at)}
    assert supervisor.post(url, confirmed).status_code == 302
    assert "Gorra azul" not in prices()


def test_product_with_the_same_words_is_refused_at_its_name(supervisor: Client) -> None:
    form = open_form(supervisor, f"{PRODUCTS}add/")
    page = supervisor.post(f"{PRODUCTS}add/", {**form, "name": "remeras", "price": "1"})
    assert errors(page) == {"name": ["El catálogo ya tiene ese producto: Remera."]}


def test_reception_sees_the_catalogue_and_changes_nothing(reception: Client) -> None:
    assert "Notebook" in reception.get(PRODUCTS, {"q": "notebook"}).content.decode()
    assert reception.get(f"{PRODUCTS}add/").status_code == 403
    url = f"{PRODUCTS}{product_id('Mouse')}/change/"
    assert reception.post(url, {"name": "Mouse", "price": "1"}).status_code == 403


def test_staff_confirm_an_order_with_prices_of_the_caller(reception: Client) -> None:
    order = orders.services.place_order(
        customer_name="Eva Luna",
        customer_email="eva@mail.com",
        items=[OrderItem(name="Notebook", quantity=1, price=Decimal("0.01"))],
        total=None,
        token="1",
        caller=Customer(name="Eva Luna"),
        now=clock.now(),
    )
    assert "Pendiente · a confirmar" in reception.get(ORDERS).content.decode()
    assert "Quien llamó dijo los productos" in (
        reception.get(f"{ORDERS}{order.id}/change/").content.decode()
    )
    action = {"action": "confirm", "_selected_action": [order.id]}
    assert messages(reception.post(ORDERS, action, follow=True)) == ["Confirmado: 1"]
    assert "a confirmar" not in reception.get(ORDERS).content.decode()


# --- The import


def imported(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> str:
    file = tmp_path / "products.csv"
    file.write_text(text, encoding="utf-8")
    call_command("import_products", str(file))
    return capsys.readouterr().out


@pytest.mark.parametrize(
    "text",
    [
        "Producto;Precio\nMouse;12,50\nLápiz;$ 3\nRemera;1.500\n;\n",
        "\ufeffprice,product,stock\n12.50,MOUSE,4\n3,Lápiz,\n1500.00,Remera,1\n",
    ],
)
def test_import_adds_and_changes_products(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    out = imported(tmp_path, text, capsys)
    assert out == "1 products added, 1 changed, 1 unchanged.\n"
    stored = {name.lower(): price for name, price in prices().items()}
    assert (stored["mouse"], stored["lápiz"]) == (Decimal("12.50"), Decimal("3.00"))
    assert len(stored) == len(orders.demo.PRODUCTS) + 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,cost\nMouse,1\n", "The first line names no column"),
        ("", "The first line names no column"),
        ("product,price\nGorra,3\nMouse,dos\n", "Line 3: 'Mouse', 'dos': not valid."),
        ("product,price\nGorra,3\n,4\n", "Line 3: '', '4': not valid."),
        ("product,price\nGorra\n", "Line 2: 'Gorra', None: not valid."),
        (f"product,price\n{'x' * 121},3\n", "Line 2: "),
    ],
)
def test_import_of_a_wrong_file_stores_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    before = prices()
    with pytest.raises(CommandError, match=r"^") as refused:
        imported(tmp_path, text, capsys)
    assert str(refused.value).startswith(message)
    assert prices() == before


def test_import_of_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        call_command("import_products", str(tmp_path / "none.csv"))


def test_demo_catalogue_is_stored_once_and_restored_when_fresh(
    capsys: pytest.CaptureFixture[str],
) -> None:
    product_services.delete_product(product_id=product_id("Mouse"))
    call_command("seed_products")
    assert "Mouse" not in prices()
    call_command("seed_products", fresh=True)
    assert prices() == {name: Decimal(price) for name, price in orders.demo.PRODUCTS.items()}
    assert capsys.readouterr().out == "0 products stored.\n10 products stored.\n"
