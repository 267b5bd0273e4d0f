"""How failed identity checks are stored. Django's ORM knows nothing of these models."""

from pynamodb.attributes import NumberAttribute, TTLAttribute, UnicodeAttribute

from common.dynamodb.attributes import InstantAttribute
from common.dynamodb.indexes import global_index
from common.dynamodb.tables import EXPIRES_AT, Table


class Attempts(Table):
    """How often somebody failed to prove whose a record is, or failed within one call.

    All stand in the orders' table, so that a call has one count for orders and appointments. Only a
    locked one has `status` and `createdAt`, so only those are in the index; no list of orders asks
    for their status.
    """

    table_setting = "ORDERS_TABLE"
    key_prefix = "ATTEMPTS"
    LOCKED = "identity-locked"

    failures = NumberAttribute()
    expires_at = TTLAttribute(attr_name=EXPIRES_AT)
    status = UnicodeAttribute(null=True)
    created_at = InstantAttribute(null=True, attr_name="createdAt")

    by_status = global_index("StatusIndex", hash_key="status", range_key="createdAt")
    """The orders' index of that name; the model `Order` declares it, too."""
