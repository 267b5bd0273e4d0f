"""Reads and writes of orders in DynamoDB, one function for each access pattern.

Arguments and results are domain values; the PynamoDB rows stay in this module.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from common.dynamodb.idempotency import add_token, find_created_id
from common.dynamodb.index_queries import EARLIEST, LATEST, IndexQuery, read_page
from common.dynamodb.paging import Page
from common.dynamodb.transactions import Transaction, Write
from common.errors import BusyError, StaleVersionError
from common.idempotency import IdempotentRequest
from common.ids import is_id
from common.record_changes import changes_from_json, changes_to_json
from common.timestamps import to_iso
from orders import models
from orders.domain import Order, OrderItem, OrderQuery, OrderStatus

ID_IS_FREE = "id is free"
VERSION_UNCHANGED = "version unchanged"


def get_order(order_id: str) -> Order | None:
    """Return the order with this id, read consistently, or None."""
    row = models.Order.find(order_id) if is_id(order_id) else None
    return None if row is None else _order(row)


def list_orders(query: OrderQuery, *, limit: int, cursor: str | None = None) -> Page[Order]:
    """Return up to `limit` orders in order of creation, and the cursor of the next page.

    Raises:
        InvalidCursorError: the cursor wasn't made by this list.

    """
    page = read_page(_index_query(query), models.Order, limit=limit, cursor=cursor)
    return page.map(_order)


def _index_query(query: OrderQuery) -> IndexQuery:
    """Return the part of an index that answers `query`.

    A customer's orders stand in one partition; all others are merged from a partition a status.
    """
    status = models.Order.status
    filter_condition = None
    if query.customer_email is not None:
        index, partitions = "CustomerEmailDateIndex", [query.customer_email]
        if query.status is not None:
            filter_condition = status == query.status.value
    elif query.dni is not None:
        index, partitions = "DniDateIndex", [query.dni]
    else:
        statuses = [query.status] if query.status else list(OrderStatus)
        index, partitions = "StatusIndex", [each.value for each in statuses]
    return IndexQuery(
        table=models.Order,
        index=index,
        partitions=partitions,
        first=to_iso(query.created_from) if query.created_from else EARLIEST,
        last=to_iso(query.created_to - timedelta.resolution) if query.created_to else LATEST,
        ascending=query.oldest_first,
        filter_condition=filter_condition,
    )


def get_created_order_id(request: IdempotentRequest) -> str | None:
    """Return the id of the order that an earlier attempt of this request created, or None.

    Raises:
        IdempotencyConflictError: the token was used for another request.

    """
    return find_created_id(request, models.OrderToken)


def add_order(order: Order, request: IdempotentRequest, *, writes: Iterable[Write] = ()) -> None:
    """Store a new order and its idempotency token; `writes` are made in the same transaction.

    Raises:
        BusyError: the id is taken, or another attempt of the request was stored first.

    """
    transaction = Transaction()
    transaction.put_item(_row(order), condition=models.Order.pk.does_not_exist(), name=ID_IS_FREE)
    add_token(transaction, request, models.OrderToken, created_id=order.id)
    _add_writes(transaction, writes)
    transaction.commit(on_conflict=BusyError(reason="contention"))


def add_orders(orders: Iterable[Order]) -> bool:
    """Store several new orders, all or none; return whether all their ids were free."""
    transaction = Transaction()
    for order in orders:
        transaction.put_item(
            _row(order), condition=models.Order.pk.does_not_exist(), name=ID_IS_FREE
        )
    return transaction.try_commit()


def update_order(order: Order, *, unchanged_since: datetime, writes: Iterable[Write] = ()) -> None:
    """Store a new version of an order whose stored `updated_at` is `unchanged_since`.

    `writes` are made in the same transaction.

    Raises:
        StaleVersionError: the stored order has another version, or none is stored.

    """
    transaction = Transaction()
    unchanged = models.Order.updated_at == unchanged_since
    transaction.update_item(_row(order), condition=unchanged, name=VERSION_UNCHANGED)
    _add_writes(transaction, writes)
    transaction.commit(on_conflict=StaleVersionError())


def delete_order(order: Order, *, unchanged_since: datetime, writes: Iterable[Write] = ()) -> None:
    """Delete an order whose stored `updated_at` is `unchanged_since`.

    `writes` are made in the same transaction.

    Its idempotency token stays, so that a late retry of the request doesn't create it again.

    Raises:
        StaleVersionError: the stored order has another version, or none is stored.

    """
    transaction = Transaction()
    unchanged = models.Order.updated_at == unchanged_since
    transaction.delete_item(_row(order), condition=unchanged, name=VERSION_UNCHANGED)
    _add_writes(transaction, writes)
    transaction.commit(on_conflict=StaleVersionError())


def _add_writes(transaction: Transaction, writes: Iterable[Write]) -> None:
    for add_to in writes:
        add_to(transaction)


def is_empty() -> bool:
    """Whether the table holds no item of any kind."""
    return models.Order.is_empty()


def delete_all() -> None:
    """Delete every item of any kind from the table."""
    models.Order.delete_all_items()


# --- Items as DynamoDB sends them, for maintenance


def order_from_raw(item: Mapping[str, Any]) -> Order:
    """Return the order that an item in DynamoDB JSON stores.

    Raises:
        ValueError, TypeError: a value isn't one that an order can have.

    """
    return _order(models.Order.from_raw_data(dict(item)))


def order_to_raw(order: Order) -> dict[str, Any]:
    """Return the item in DynamoDB JSON that stores an order."""
    return _row(order).serialize()


# --- Rows and values


def _row(order: Order) -> models.Order:
    return models.Order(
        *models.Order.key(order.id),
        id=order.id,
        customer_name=order.customer_name,
        customer_email=order.customer_email,
        items=[_item_row(item) for item in order.items],
        total=order.total,
        status=order.status.value,
        created_at=order.created_at,
        updated_at=order.updated_at,
        estimated_delivery=order.estimated_delivery,
        tracking_number=order.tracking_number,
        dni=order.dni,
        needs_review=order.needs_review or None,
        changes=changes_to_json(order.changes),
    )


def _item_row(item: OrderItem) -> models.OrderItem:
    return models.OrderItem(  # type: ignore[no-untyped-call]  # PynamoDB's
        id=item.id,
        name=item.name,
        quantity=item.quantity,
        price=item.price,
        description=item.description or None,
    )


def _order(row: models.Order) -> Order:
    return Order(
        id=row.id,
        customer_name=row.customer_name,
        customer_email=row.customer_email,
        items=tuple(_item(item) for item in row.items),
        total=row.total,
        status=OrderStatus(row.status),
        created_at=row.created_at,
        updated_at=row.updated_at,
        estimated_delivery=row.estimated_delivery,
        tracking_number=row.tracking_number,
        dni=row.dni,
        needs_review=bool(row.needs_review),
        changes=changes_from_json(row.changes),
    )


def _item(row: models.OrderItem) -> OrderItem:
    return OrderItem(
        id=row.id,
        name=row.name,
        quantity=int(row.quantity),
        price=row.price,
        description=row.description or "",
    )
