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
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from common.dynamodb.attributes import InstantAttribute, MoneyAttribute
from common.dynamodb.idempotency import IdempotencyToken
from common.dynamodb.tables import Table, register_table


class OrderItem(MapAttribute[str, Any]):
    """One line, inside the order."""

    id = UnicodeAttribute()
    name = UnicodeAttribute()
    quantity = NumberAttribute()
    price = MoneyAttribute()
    description = UnicodeAttribute(null=True)


class CustomerEmailIndex(GlobalSecondaryIndex["Order"]):  # type: ignore[no-untyped-call]  # PynamoDB's
    """The orders of one customer."""

    class Meta:
        """Name and content of the index."""

        index_name = "CustomerEmailIndex"
        projection = AllProjection()

    customer_email = UnicodeAttribute(hash_key=True, attr_name="customerEmail")


class CustomerEmailDateIndex(GlobalSecondaryIndex["Order"]):  # type: ignore[no-untyped-call]  # PynamoDB's
    """The orders of one customer, by the time they were made."""

    class Meta:
        """Name and content of the index."""

        index_name = "CustomerEmailDateIndex"
        projection = AllProjection()

    customer_email = UnicodeAttribute(hash_key=True, attr_name="customerEmail")
    created_at = InstantAttribute(range_key=True, attr_name="createdAt")


class StatusIndex(GlobalSecondaryIndex["Order"]):  # type: ignore[no-untyped-call]  # PynamoDB's
    """The orders of one status, by the time they were made. All lists are merged from these."""

    class Meta:
        """Name and content of the index."""

        index_name = "StatusIndex"
        projection = AllProjection()

    status = UnicodeAttribute(hash_key=True)
    created_at = InstantAttribute(range_key=True, attr_name="createdAt")


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

    by_customer_email = CustomerEmailIndex()
    by_customer_email_and_date = CustomerEmailDateIndex()
    by_status = StatusIndex()


class OrderToken(IdempotencyToken):
    """A request that made an order."""

    table_setting = "ORDERS_TABLE"
