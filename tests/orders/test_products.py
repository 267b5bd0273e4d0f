"""Which product of the catalogue a customer means."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from common.identity.names import NameMatch, compare_names
from orders import products
from orders.domain import OrderItem
from orders.products import Catalogue, Product, listed_names, priced_item, words_of

pytestmark = pytest.mark.pure

NOW = datetime(2099, 11, 22, 15, tzinfo=UTC)
NAMES = (
    "Producto A", "Producto B", "Remera", "Mouse", "Celular", "Auriculares", "Notebook Lenovo 15",
    "Notebook Lenovo 17", "Yerba mate 1 kg", "Cable de red", "Zapatillas",
)  # fmt: skip


def product(name: str) -> Product:
    return Product(id=name, name=name, price=Decimal(10), created_at=NOW, updated_at=NOW)


CATALOGUE = [product(name) for name in NAMES]


@pytest.mark.parametrize(
    ("spoken", "meant"),
    [
        ("Producto A", ["Producto A"]),
        ("productos b", ["Producto B"]),
        ("REMERAS", ["Remera"]),
        ("mouses", ["Mouse"]),
        ("notebooks lenovo 15", ["Notebook Lenovo 15"]),
        ("celulares", ["Celular"]),
        ("unos auriculares", ["Auriculares"]),
        ("sapatiyas", ["Zapatillas"]),
        ("notebook lenovo 15", ["Notebook Lenovo 15"]),
        ("notebook lenovo 015", ["Notebook Lenovo 15"]),
        ("la lenovo 17", ["Notebook Lenovo 17"]),
        ("notebook", ["Notebook Lenovo 15", "Notebook Lenovo 17"]),
        ("yerba", ["Yerba mate 1 kg"]),
        ("mouse inalámbrico", ["Mouse"]),
        ("cables de red", ["Cable de red"]),
        ("Aurikulares", ["Auriculares"]),
        ("auricolares", ["Auriculares"]),
        ("heladera", []),
        ("notebook lenovo 19", []),
        ("de la", []),
        ("", []),
        ("000", []),
    ],
)
def test_product_is_found_as_customers_say_it(spoken: str, meant: list[str]) -> None:
    assert [each.name for each in Catalogue(CATALOGUE).find_meant(spoken)] == meant


def test_only_what_no_other_rule_finds_is_compared_as_near(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[str] = []

    def compare(spoken: str, name: str) -> NameMatch:
        compared.append(name)
        return compare_names(spoken, name)

    monkeypatch.setattr(products, "compare_names", compare)
    catalogue = Catalogue(CATALOGUE)
    for spoken in ("remeras", "notebook", "mouse inalámbrico"):
        assert catalogue.find_meant(spoken)
    assert not compared
    assert catalogue.find_meant("auricolares")
    assert "Auriculares" in compared


def test_words_of_products_are_computed_once_for_all_items(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    computed: list[str] = []

    def compute(name: str) -> tuple[str, ...]:
        computed.append(name)
        return words_of(name)

    monkeypatch.setattr(products, "words_of", compute)
    catalogue = Catalogue(CATALOGUE)
    for spoken in ("remeras", "mouses", "heladera"):
        catalogue.find_meant(spoken)
    assert computed == [*NAMES, "remeras", "mouses", "heladera"]


def test_item_gets_name_and_price_of_the_product() -> None:
    item = OrderItem(id="1", name="remeras", quantity=3, price=Decimal("0.01"))
    assert priced_item(item, product("Remera")) == OrderItem(
        id="1", name="Remera", quantity=3, price=Decimal(10)
    )


def test_first_names_are_listed() -> None:
    assert listed_names(CATALOGUE, limit=2) == ["Producto A", "Producto B"]


def test_new_version_is_later() -> None:
    assert product("Mouse").with_new_version(now=NOW).updated_at > NOW
    later = NOW + timedelta(hours=1)
    assert product("Mouse").with_new_version(now=later).updated_at == later
