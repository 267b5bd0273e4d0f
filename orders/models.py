"""PynamoDB models of the orders table. Only `orders.repository` reads and writes them.

The table's keys, `CustomerEmailIndex` and `StatusIndex` are those of the earlier system.
`CustomerEmailDateIndex` is new: pages need an order, and `CustomerEmailIndex` has no range key.

Django's ORM and migrations don't use these classes. Importing them opens no connection.
"""

from typing import Any

from pynamodb.attributes import (
    BooleanAttribute,
    JSONAttribute,
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
    """One product, stored inside the order."""

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
    changes = JSONAttribute(null=True)
    needs_review = BooleanAttribute(null=True, attr_name="needsReview")
    """True if staff must confirm the order; else absent."""

    by_customer_email = global_index("CustomerEmailIndex", hash_key="customerEmail")
    by_customer_email_and_date = global_index(
        "CustomerEmailDateIndex", hash_key="customerEmail", range_key="createdAt"
    )
    by_dni = global_index("DniDateIndex", hash_key="dni", range_key="createdAt")
    """Contains only orders with an identity number."""
    by_status = global_index("StatusIndex", hash_key="status", range_key="createdAt")
    """The list of all orders merges the partitions of this index."""


class Product(Table):
    """One product of the catalogue.

    Products are in the orders' table, whose `StatusIndex` lists them: no list of orders reads the
    partition of their `status`.
    """

    table_setting = "ORDERS_TABLE"
    key_prefix = "PRODUCT"
    PARTITION = "product"

    status = UnicodeAttribute()
    name = UnicodeAttribute()
    price = MoneyAttribute()
    is_offered = BooleanAttribute(attr_name="isOffered")
    created_at = InstantAttribute(attr_name="createdAt")
    updated_at = InstantAttribute(attr_name="updatedAt")

    by_status = global_index("StatusIndex", hash_key="status", range_key="createdAt")
    """The index of that name which the model `Order` declares, too."""


class OrderToken(IdempotencyToken):
    """The idempotency token of a request that created an order."""

    table_setting = "ORDERS_TABLE"
