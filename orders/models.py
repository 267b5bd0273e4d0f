"""How orders are stored in DynamoDB: shape only. The key schema is the owner's.

Two indexes are the owner's; CustomerEmailDateIndex is added, since CustomerEmailIndex has no order,
and pages need one.

These are PynamoDB models; Django's ORM and its migrations know nothing of them. No connection is
opened by importing them. Only `orders.repository` reads and writes them.
"""

from typing import Any

from pynamodb.attributes import (
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    UnicodeAttribute,
)

from common.dynamodb.attributes import InstantAttribute, MoneyAttribute
from common.dynamodb.idempotency import IdempotencyToken
from common.dynamodb.indexes import global_index
from common.dynamodb.tables import Table, register_table


class OrderItem(MapAttribute[str, Any]):
    """One line, inside the order."""

    id = UnicodeAttribute()
    name = UnicodeAttribute()
    quantity = NumberAttribute()
    price = MoneyAttribute()
    description = UnicodeAttribute(null=True)


@register_table
class Order(Table):
    """One order."""

    table_setting = "ORDERS_TABLE"
    key_prefix = "ORDER"

    id = UnicodeAttribute()
    customer_name = UnicodeAttribute(attr_name="customerName")
    customer_email = UnicodeAttribute(attr_name="customerEmail")
    items = ListAttribute(of=OrderItem)
    total = MoneyAttribute()
    status = UnicodeAttribute()
    created_at = InstantAttribute(attr_name="createdAt")
    updated_at = InstantAttribute(attr_name="updatedAt")
    estimated_delivery = InstantAttribute(null=True, attr_name="estimatedDelivery")
    tracking_number = UnicodeAttribute(null=True, attr_name="trackingNumber")
    dni = UnicodeAttribute(null=True)

    by_customer_email = global_index("CustomerEmailIndex", hash_key="customerEmail")
    by_customer_email_and_date = global_index(
        "CustomerEmailDateIndex", hash_key="customerEmail", range_key="createdAt"
    )
    by_status = global_index("StatusIndex", hash_key="status", range_key="createdAt")
    """All lists of orders are merged from the partitions of this index."""


class OrderToken(IdempotencyToken):
    """A request that made an order."""

    table_setting = "ORDERS_TABLE"
