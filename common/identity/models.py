"""How failed identity checks are stored in DynamoDB. These are PynamoDB models, not Django's."""

from pynamodb.attributes import NumberAttribute, TTLAttribute, UnicodeAttribute

from common.dynamodb.attributes import InstantAttribute
from common.dynamodb.indexes import global_index
from common.dynamodb.tables import EXPIRES_AT, Table


class KnownAddress(Table):
    """A network address, as a hash, from which a caller was verified lately.

    Its callers may use the lines that are reserved for known callers.
    """

    table_setting = "ORDERS_TABLE"
    key_prefix = "KNOWN"

    expires_at = TTLAttribute(attr_name=EXPIRES_AT)


class FailedAttempts(Table):
    """The failed identity checks of one record or one call.

    All of them are in the orders' table, so that a call has one count for orders and appointments.
    Only a lock has `status` and `createdAt`, so the index contains only locks. No list of orders
    reads the partition of that status.
    """

    table_setting = "ORDERS_TABLE"
    key_prefix = "ATTEMPTS"
    LOCKED = "identity-locked"

    failures = NumberAttribute()
    expires_at = TTLAttribute(attr_name=EXPIRES_AT)
    status = UnicodeAttribute(null=True)
    created_at = InstantAttribute(null=True, attr_name="createdAt")

    by_status = global_index("StatusIndex", hash_key="status", range_key="createdAt")
    """The index of that name which the model `Order` declares, too."""
