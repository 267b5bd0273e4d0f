"""How failed identity checks are stored. Django's ORM knows nothing of these models."""

from pynamodb.attributes import NumberAttribute, TTLAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from common.dynamodb.attributes import InstantAttribute
from common.dynamodb.tables import EXPIRES_AT, Table


class LockIndex(GlobalSecondaryIndex["Attempts"]):  # type: ignore[no-untyped-call]  # PynamoDB's
    """The orders' StatusIndex, which shows those attempts that have the status of a lock."""

    class Meta:
        """Name and content of the index."""

        index_name = "StatusIndex"
        projection = AllProjection()

    status = UnicodeAttribute(hash_key=True)
    created_at = InstantAttribute(range_key=True, attr_name="createdAt")


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

    by_status = LockIndex()
