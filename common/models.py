"""What the rooms' PynamoDB models are made of, and the items they share: the token and the attempts.

These are storage shape only; Django's ORM knows nothing of them.
"""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from pynamodb.attributes import Attribute, NumberAttribute, TTLAttribute, UnicodeAttribute
from pynamodb.constants import NUMBER, STRING
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from common.dynamo import EXPIRES_AT, Table
from common.instants import from_iso, to_iso

CENT = Decimal("0.01")


class InstantAttribute(Attribute[datetime]):
    """An instant, stored as the fixed-width text of `common.instants`."""

    attr_type = STRING

    def serialize(self, value: datetime) -> str:
        """Return the text to store."""
        return to_iso(value)

    def deserialize(self, value: str) -> datetime:
        """Return the aware instant."""
        return from_iso(value)


class MoneyAttribute(Attribute[Decimal]):
    """An amount to the cent, stored as a number that never was a float."""

    attr_type = NUMBER
    step: ClassVar = CENT

    def serialize(self, value: Decimal) -> str:
        """Return the digits to store."""
        return f"{value.quantize(self.step):f}"

    def deserialize(self, value: str) -> Decimal:
        """Return the amount with all its decimals, which DynamoDB doesn't keep: 67.5 is 67.50."""
        return Decimal(value).quantize(self.step)


class Token(Table):
    """Remembers which record a request made, so that the same request makes no second one."""

    key_prefix = "TOKEN"

    created_id = UnicodeAttribute(attr_name="createdId")
    request_hash = UnicodeAttribute(attr_name="requestHash")
    expires_at = TTLAttribute(attr_name=EXPIRES_AT)


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
