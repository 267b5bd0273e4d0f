"""What the rooms' PynamoDB models are made of, and the item they all share: the token.

These are storage shape only; Django's ORM knows nothing of them.
"""

from datetime import datetime
from decimal import Decimal

from pynamodb.attributes import Attribute, TTLAttribute, UnicodeAttribute
from pynamodb.constants import NUMBER, STRING

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

    def serialize(self, value: Decimal) -> str:
        """Return the digits to store."""
        return str(value.quantize(CENT))

    def deserialize(self, value: str) -> Decimal:
        """Return the amount with both its decimals, which DynamoDB doesn't keep: 67.5 is 67.50."""
        return Decimal(value).quantize(CENT)


class Token(Table):
    """Remembers which record a request made, so that the same request makes no second one."""

    key_prefix = "TOKEN"

    created_id = UnicodeAttribute(attr_name="createdId")
    request_hash = UnicodeAttribute(attr_name="requestHash")
    expires_at = TTLAttribute(attr_name=EXPIRES_AT)
