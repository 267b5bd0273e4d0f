"""Five orders to try the assistant on, one of each status.

Order 1 is the one in the owner's document; 1 and 2 are Juan Pérez's, DNI 12345678. Their dates lie
around the moment of seeding, so that what the assistant says sounds like today.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from common.timestamps import truncate_to_ms
from orders import repository
from orders.domain import DELIVERY_TIME, Order, OrderItem, OrderStatus, numbered, total_of

PEOPLE = {
    "Juan Pérez": ("juan.perez@email.com", "12345678"),
    "María García": ("maria.garcia@email.com", "23456789"),
    "Luis Fernández": ("luis.fernandez@email.com", "34567890"),
    "Ana Martínez": ("ana.martinez@email.com", "45678901"),
}


def seed(*, now: datetime, fresh: bool = False) -> int:
    """Store the demo orders if there are none at all; return how many were stored.

    `fresh` empties the table first.
    """
    if fresh:
        repository.delete_all_records()
    elif not repository.has_no_records():
        return 0
    orders = list(demo_orders(now))
    return len(orders) if repository.add_orders(orders) else 0


def demo_orders(now: datetime) -> Iterator[Order]:
    """Yield the orders, as they are if seeded at `now`."""
    a, b = _item("Producto A", 2, "25.99"), _item("Producto B", 1, "15.50")
    c, d = _item("Producto C", 1, "89.90"), _item("Producto D", 3, "7.25")
    days = [truncate_to_ms(now) - timedelta(days=days_ago) for days_ago in range(10)]
    yield _order("1", "Juan Pérez", [a, b], OrderStatus.PENDING, days[1], "TRK123456789")
    yield _order("2", "Juan Pérez", [c], OrderStatus.PROCESSING, days[2])
    yield _order("3", "María García", [a, d], OrderStatus.SHIPPED, days[3], "TRK223456789")
    yield _order("4", "Luis Fernández", [d], OrderStatus.DELIVERED, days[9], "TRK323456789")
    yield _order("5", "Ana Martínez", [b, c], OrderStatus.CANCELLED, days[6])


def _item(name: str, quantity: int, price: str) -> OrderItem:
    description = f"Descripción del {name[0].lower()}{name[1:]}"
    return OrderItem(name=name, quantity=quantity, price=Decimal(price), description=description)


def _order(
    order_id: str,
    customer: str,
    items: list[OrderItem],
    status: OrderStatus,
    made_at: datetime,
    tracking_number: str | None = None,
) -> Order:
    email, dni = PEOPLE[customer]
    return Order(
        id=order_id,
        customer_name=customer,
        customer_email=email,
        items=numbered(items),
        total=total_of(items),
        status=status,
        created_at=made_at,
        updated_at=made_at,
        estimated_delivery=made_at + DELIVERY_TIME,
        tracking_number=tracking_number,
        dni=dni,
    )
