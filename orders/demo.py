"""Five demo orders, one of each status, and a small catalogue.

Order 1 is the example of the product's specification. Orders 1 and 2 belong to Juan Pérez, DNI
12345678. All dates are relative to the time of seeding, so that the assistant speaks of recent days.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from common.timestamps import truncate_to_ms
from orders import product_services, repository
from orders.domain import (
    DELIVERY_TIME,
    Order,
    OrderItem,
    OrderStatus,
    assign_item_ids,
    calculate_total,
)

CUSTOMERS = {
    "Juan Pérez": ("juan.perez@email.com", "12345678"),
    "María García": ("maria.garcia@email.com", "23456789"),
    "Luis Fernández": ("luis.fernandez@email.com", "34567890"),
    "Ana Martínez": ("ana.martinez@email.com", "45678901"),
}
PRODUCTS = {
    "Producto A": "25.99",
    "Producto B": "15.50",
    "Producto C": "89.90",
    "Producto D": "7.25",
    "Remera": "1500.00",
    "Mouse": "10.00",
    "Teclado": "20.00",
    "Auriculares": "35.00",
    "Monitor": "250.00",
    "Notebook": "990.00",
}
"""The demo catalogue, which `make run` requires."""


def seed(*, now: datetime, fresh: bool = False) -> int:
    """Store the demo orders if the table is empty; return how many were stored.

    Args:
        now: The current time, to which the dates are relative.
        fresh: Whether to empty the table first.

    """
    if fresh:
        repository.delete_all()
    elif not repository.is_empty():
        return 0
    orders = list(demo_orders(now))
    return len(orders) if repository.add_orders(orders) else 0


def seed_products(*, now: datetime, fresh: bool = False) -> int:
    """Store the demo catalogue if there is none; return how many products were stored.

    Args:
        now: The current time.
        fresh: Whether to delete the products first.

    """
    products = product_services.all_products()
    if products and not fresh:
        return 0
    for product in products:
        product_services.delete_product(product_id=product.id)
    entries = [(name, Decimal(price)) for name, price in PRODUCTS.items()]
    added, _ = product_services.import_products(entries, now=now)
    return len(added)


def demo_orders(now: datetime) -> Iterator[Order]:
    """Yield the demo orders with dates relative to `now`."""
    a, b = _item("Producto A", 2, "25.99"), _item("Producto B", 1, "15.50")
    c, d = _item("Producto C", 1, "89.90"), _item("Producto D", 3, "7.25")
    days_ago = [truncate_to_ms(now) - timedelta(days=days) for days in range(10)]
    yield _order("1", "Juan Pérez", [a, b], OrderStatus.PENDING, days_ago[1], "TRK123456789")
    yield _order("2", "Juan Pérez", [c], OrderStatus.PROCESSING, days_ago[2])
    yield _order("3", "María García", [a, d], OrderStatus.SHIPPED, days_ago[3], "TRK223456789")
    yield _order("4", "Luis Fernández", [d], OrderStatus.DELIVERED, days_ago[9], "TRK323456789")
    yield _order("5", "Ana Martínez", [b, c], OrderStatus.CANCELLED, days_ago[6])


def _item(name: str, quantity: int, price: str) -> OrderItem:
    description = f"Descripción del {name[0].lower()}{name[1:]}"
    return OrderItem(name=name, quantity=quantity, price=Decimal(price), description=description)


def _order(
    order_id: str,
    customer: str,
    items: list[OrderItem],
    status: OrderStatus,
    created_at: datetime,
    tracking_number: str | None = None,
) -> Order:
    email, dni = CUSTOMERS[customer]
    return Order(
        id=order_id,
        customer_name=customer,
        customer_email=email,
        items=assign_item_ids(items),
        total=calculate_total(items),
        status=status,
        created_at=created_at,
        updated_at=created_at,
        estimated_delivery=created_at + DELIVERY_TIME,
        tracking_number=tracking_number,
        dni=dni,
    )
