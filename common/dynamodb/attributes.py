"""PynamoDB attributes for instants and amounts of money."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from pynamodb.attributes import Attribute
from pynamodb.constants import NUMBER, STRING

from common.timestamps import from_iso, to_iso

CENT = Decimal("0.01")


class InstantAttribute(Attribute[datetime]):
    """An instant, stored as the fixed-width text of `common.timestamps`."""

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
