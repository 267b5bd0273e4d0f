"""Reads and writes of products in DynamoDB. Arguments and results are domain values."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from common.dynamodb.index_queries import EARLIEST, LATEST, IndexQuery, read_page
from common.dynamodb.paging import Page
from common.dynamodb.transactions import Transaction
from common.errors import BusyError, StaleVersionError
from common.ids import is_id
from orders import models
from orders.products import Product

ID_IS_FREE = "id is free"
VERSION_UNCHANGED = "version unchanged"


def get_product(product_id: str) -> Product | None:
    """Return the product with this id, read consistently, or None."""
    row = models.Product.find(product_id) if is_id(product_id) else None
    return None if row is None else product_from_row(row)


def list_products(
    *, limit: int, cursor: str | None = None, oldest_first: bool = False
) -> Page[Product]:
    """Return up to `limit` products by time of creation, and the cursor of the next page.

    Raises:
        InvalidCursorError: the cursor wasn't made by this list.

    """
    query = IndexQuery(
        table=models.Product,
        index="StatusIndex",
        partitions=[models.Product.PARTITION],
        first=EARLIEST,
        last=LATEST,
        ascending=oldest_first,
    )
    return read_page(query, models.Product, limit=limit, cursor=cursor).map(product_from_row)


def add_product(product: Product) -> None:
    """Store a new product.

    Raises:
        BusyError: the id is taken.

    """
    transaction = Transaction()
    transaction.put_item(
        _row(product), condition=models.Product.pk.does_not_exist(), name=ID_IS_FREE
    )
    transaction.commit(on_conflict=BusyError(reason="contention"))


def update_product(product: Product, *, unchanged_since: datetime) -> None:
    """Store a new version of a product whose stored `updated_at` is `unchanged_since`.

    Raises:
        StaleVersionError: the stored product has another version, or none is stored.

    """
    transaction = Transaction()
    unchanged = models.Product.updated_at == unchanged_since
    transaction.update_item(_row(product), condition=unchanged, name=VERSION_UNCHANGED)
    transaction.commit(on_conflict=StaleVersionError())


def delete_product(product: Product, *, unchanged_since: datetime) -> None:
    """Delete a product whose stored `updated_at` is `unchanged_since`.

    Raises:
        StaleVersionError: the stored product has another version, or none is stored.

    """
    transaction = Transaction()
    unchanged = models.Product.updated_at == unchanged_since
    transaction.delete_item(_row(product), condition=unchanged, name=VERSION_UNCHANGED)
    transaction.commit(on_conflict=StaleVersionError())


def product_from_raw(item: Mapping[str, Any]) -> Product:
    """Return the product that an item of DynamoDB's API stores."""
    return product_from_row(models.Product.from_raw_data(dict(item)))


def product_from_row(row: models.Product) -> Product:
    """Return the product that a row stores."""
    return Product(
        id=row.pk.partition("#")[2],
        name=row.name,
        price=row.price,
        is_offered=row.is_offered,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _row(product: Product) -> models.Product:
    return models.Product(
        *models.Product.key(product.id),
        status=models.Product.PARTITION,
        name=product.name,
        price=product.price,
        is_offered=product.is_offered,
        created_at=product.created_at,
        updated_at=product.updated_at,
    )
