"""Every read and write of orders, one function for each way in. Rows go in and out as `Order`."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from common.dynamodb.idempotency import add_token, find_created_id
from common.dynamodb.index_queries import EARLIEST, LATEST, IndexQuery, count_items, read_page
from common.dynamodb.paging import Page
from common.dynamodb.transactions import Transaction
from common.errors import BusyError, StaleVersionError
from common.idempotency import IdempotentRequest
from common.ids import is_id
from common.timestamps import to_iso
from orders import models
from orders.domain import Order, OrderItem, OrderQuery, OrderStatus

ID_IS_FREE = "id is free"
UNCHANGED = "unchanged"


def order_by_id(order_id: str) -> Order | None:
    """Return the order as it is now, or None."""
    row = models.Order.find(order_id) if is_id(order_id) else None
    return None if row is None else _order(row)


def orders_matching(query: OrderQuery, *, limit: int, cursor: str | None = None) -> Page[Order]:
    """Return up to `limit` orders by the time they were made, and the cursor of what follows.

    Raises:
        InvalidCursorError: the cursor isn't one of ours.

    """
    page = read_page(_index_query(query), models.Order, limit=limit, cursor=cursor)
    return page.map(_order)


def number_of_orders(query: OrderQuery, *, up_to: int) -> int:
    """Return how many orders match, counted up to `up_to`."""
    return count_items(_index_query(query), up_to=up_to)


def _index_query(query: OrderQuery) -> IndexQuery:
    """Return where the orders stand by time: of a customer, of a status, or merged from all statuses."""
    status = models.Order.status
    only_if = None
    if query.customer_email is not None:
        index, partitions = "CustomerEmailDateIndex", [query.customer_email]
        only_if = None if query.status is None else status == query.status.value
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
        filter_condition=only_if,
    )


def order_made_by(request: IdempotentRequest) -> str | None:
    """Return the id of the order that this request made already, or None.

    Raises:
        IdempotencyConflictError: the token was used for another request.

    """
    return find_created_id(request, models.OrderToken)


def add_order(order: Order, request: IdempotentRequest) -> None:
    """Store a new order and the request that made it.

    Raises:
        BusyError: its id is taken, or another try of the request was quicker: look again.

    """
    transaction = Transaction()
    transaction.put(_row(order), condition=models.Order.pk.does_not_exist(), name=ID_IS_FREE)
    add_token(transaction, request, models.OrderToken, created_id=order.id)
    transaction.commit(on_conflict=BusyError(reason="contention"))


def add_orders(orders: Iterable[Order]) -> bool:
    """Store some orders with ids of their own, all or none; return whether the ids were free."""
    transaction = Transaction()
    for order in orders:
        transaction.put(_row(order), condition=models.Order.pk.does_not_exist(), name=ID_IS_FREE)
    return transaction.try_commit()


def change_order(order: Order, *, unchanged_since: datetime) -> None:
    """Store a new version of an order.

    Raises:
        StaleVersionError: it was changed or deleted meanwhile.

    """
    transaction = Transaction()
    unchanged = models.Order.updated_at == unchanged_since
    transaction.update(_row(order), condition=unchanged, name=UNCHANGED)
    transaction.commit(on_conflict=StaleVersionError())


def delete_order(order: Order, *, unchanged_since: datetime) -> None:
    """Delete an order. The token that made it stays, so that no late try makes it anew.

    Raises:
        StaleVersionError: it was changed or deleted meanwhile.

    """
    transaction = Transaction()
    unchanged = models.Order.updated_at == unchanged_since
    transaction.delete(_row(order), condition=unchanged, name=UNCHANGED)
    transaction.commit(on_conflict=StaleVersionError())


def has_no_records() -> bool:
    """Whether the table is empty."""
    return models.Order.is_empty()


def delete_all_records() -> None:
    """Empty the table."""
    models.Order.delete_all_items()


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
    )


def _item(row: models.OrderItem) -> OrderItem:
    return OrderItem(
        id=row.id,
        name=row.name,
        quantity=int(row.quantity),
        price=row.price,
        description=row.description or "",
    )
