"""PynamoDB attributes for instants and amounts of money."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from pynamodb.attributes import Attribute
from pynamodb.constants import NUMBER, STRING

from common.money import CENT, MILLIONTH
from common.timestamps import from_iso, to_iso


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
    unit: ClassVar = CENT

    def serialize(self, value: Decimal) -> str:
        """Return the digits to store."""
        return f"{value.quantize(self.unit):f}"

    def deserialize(self, value: str) -> Decimal:
        """Return the amount with all its decimals; DynamoDB returns 67.50 as 67.5."""
        return Decimal(value).quantize(self.unit)


class CostAttribute(MoneyAttribute):
    """An amount to the millionth."""

    unit: ClassVar = MILLIONTH
