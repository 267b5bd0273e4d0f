"""The operations on the product catalogue, called by the admin, a command and `orders.services`.

Besides the errors in its docstring, each may raise `UnavailableError` if DynamoDB fails.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from common.dynamodb.paging import Page
from common.dynamodb.retries import refuse_if_stale
from common.errors import InvalidFieldError
from common.ids import opaque_id
from common.text import has_hidden_characters
from common.timestamps import MILLISECOND, truncate_to_ms
from orders import product_repository as repository
from orders.domain import OrderItem
from orders.errors import (
    CatalogueFullError,
    ProductAmbiguousError,
    ProductExistsError,
    ProductNotFoundError,
    ProductUnknownError,
)
from orders.products import (
    MAX_PRODUCT_NAME_LENGTH,
    MAX_PRODUCTS,
    Catalogue,
    Product,
    listed_names,
    priced_item,
    words_of,
)
from orders.validation import is_valid_price


def list_products(
    *, limit: int, cursor: str | None = None, oldest_first: bool = False
) -> Page[Product]:
    """Return up to `limit` products by time of creation, the newest first.

    Raises:
        InvalidCursorError: the cursor wasn't made by this list.

    """
    return repository.list_products(limit=limit, cursor=cursor, oldest_first=oldest_first)


def get_product(*, product_id: str) -> Product:
    """Return the product with this id.

    Raises:
        ProductNotFoundError: there is none.

    """
    product = repository.get_product(product_id)
    if product is None:
        raise ProductNotFoundError(product_id=product_id)
    return product


def add_product(*, name: str, price: Decimal, is_offered: bool = True, now: datetime) -> Product:
    """Store a new product and return it.

    Raises:
        InvalidFieldError: the name or the price isn't valid.
        ProductExistsError: another product has the same words.
        CatalogueFullError: there are `MAX_PRODUCTS`.

    """
    products = all_products()
    created_at = truncate_to_ms(now)
    product = _clean(
        Product(
            id=opaque_id(),
            name=name,
            price=price,
            is_offered=is_offered,
            created_at=created_at,
            updated_at=created_at,
        )
    )
    _refuse_twin(product, products)
    if len(products) >= MAX_PRODUCTS:
        raise CatalogueFullError(limit=MAX_PRODUCTS)
    repository.add_product(product)
    return product


def change_product(
    *,
    product_id: str,
    name: str | None = None,
    price: Decimal | None = None,
    is_offered: bool | None = None,
    unchanged_since: datetime | None = None,
    now: datetime,
) -> Product:
    """Change a product and return it; None leaves a field as it is.

    Raises:
        ProductNotFoundError: there is none with this id.
        StaleVersionError: it has another version than `unchanged_since`.
        InvalidFieldError, ProductExistsError: as `add_product`.

    """
    before = get_product(product_id=product_id)
    refuse_if_stale(before.updated_at, unchanged_since)
    after = _clean(
        replace(
            before,
            name=before.name if name is None else name,
            price=before.price if price is None else price,
            is_offered=before.is_offered if is_offered is None else is_offered,
        )
    )
    if after == before:
        return before
    if words_of(after.name) != words_of(before.name):
        _refuse_twin(after, all_products())
    after = after.with_new_version(now=now)
    repository.update_product(after, unchanged_since=before.updated_at)
    return after


def delete_product(*, product_id: str, unchanged_since: datetime | None = None) -> None:
    """Delete a product. Orders keep what they contain.

    Raises:
        ProductNotFoundError: there is none with this id.
        StaleVersionError: it has another version than `unchanged_since`.

    """
    product = get_product(product_id=product_id)
    refuse_if_stale(product.updated_at, unchanged_since)
    repository.delete_product(product, unchanged_since=product.updated_at)


def import_products(
    entries: Iterable[tuple[str, Decimal]], *, now: datetime
) -> tuple[list[Product], list[Product]]:
    """Store products by name and price; return those that are new and those whose name or price changed.

    An entry with the words of a stored product is that product; of entries with the same words, the
    last one counts. Products that no entry names stay.

    Raises:
        InvalidFieldError, CatalogueFullError: as `add_product`; nothing is stored.

    """
    stored = {words_of(product.name): product for product in all_products()}
    wanted = dict(stored)
    for position, (name, price) in enumerate(entries):
        # So the list has the order of the entries.
        created_at = truncate_to_ms(now) + position * MILLISECOND
        before = wanted.get(words_of(name)) or Product(
            id=opaque_id(), name=name, price=price, created_at=created_at, updated_at=created_at
        )
        wanted[words_of(name)] = _clean(replace(before, name=name, price=price))
    if len(wanted) > max(MAX_PRODUCTS, len(stored)):
        raise CatalogueFullError(limit=MAX_PRODUCTS)
    added, changed = [], []
    for key, product in wanted.items():
        if key not in stored:
            repository.add_product(product)
            added.append(product)
        elif product != stored[key]:
            changed.append(
                change_product(
                    product_id=product.id, name=product.name, price=product.price, now=now
                )
            )
    return added, changed


def all_products() -> list[Product]:
    """Return the whole catalogue, the oldest first."""
    products: list[Product] = []
    cursor: str | None = None
    while True:
        page = repository.list_products(limit=500, cursor=cursor, oldest_first=True)
        products += page.items
        if page.cursor is None:
            return products
        cursor = page.cursor


def price_items(items: Sequence[OrderItem]) -> list[OrderItem]:
    """Return what a customer orders, with the names and prices of the catalogue.

    Raises:
        ProductUnknownError: a product isn't in the catalogue, or isn't offered;
            `data["products"]` names some that are.
        ProductAmbiguousError: several products could be meant: `data["products"]`.

    """
    offered = [product for product in all_products() if product.is_offered]
    catalogue = Catalogue(offered)
    priced = []
    for item in items:
        meant = catalogue.find_meant(item.name)
        if not meant:
            raise ProductUnknownError(product=item.name, products=listed_names(offered))
        if len(meant) > 1:
            raise ProductAmbiguousError(product=item.name, products=listed_names(meant))
        priced.append(priced_item(item, meant[0]))
    return priced


def _refuse_twin(product: Product, products: Iterable[Product]) -> None:
    for other in products:
        if other.id != product.id and words_of(other.name) == words_of(product.name):
            raise ProductExistsError(product=other.name)


def _clean(product: Product) -> Product:
    name = " ".join(product.name.split())
    is_named = words_of(name) and len(name) <= MAX_PRODUCT_NAME_LENGTH
    if not is_named or has_hidden_characters(name):
        raise InvalidFieldError(field="name")
    if not is_valid_price(product.price):
        raise InvalidFieldError(field="price")
    return replace(product, name=name)
