"""What REST shapes are made of: camelCase outside and snake_case inside, instants and money."""

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, override

from rest_framework import serializers

from common.instants import from_iso, to_iso


def camel_case(name: str) -> str:
    """Return `customer_name` as `customerName`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


class CamelCaseSerializer(serializers.Serializer[Any]):
    """A serializer whose fields are declared in snake_case and travel in camelCase.

    The fields themselves get the camelCase name (in forms, errors and the schema, too), and their
    attribute as source; so validated data is in snake_case.
    """

    @override
    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        declared = super().get_fields()
        for name, field in declared.items():
            if field.source is None and camel_case(name) != name:
                field.source = name
        return {camel_case(name): field for name, field in declared.items()}


class InstantField(serializers.Field[datetime, str, str, datetime]):
    """An instant as fixed-width text in UTC; any offset is understood on the way in."""

    default_error_messages: ClassVar = {"invalid": "Not an ISO 8601 instant with an offset."}

    @override
    def to_representation(self, value: datetime) -> str:
        return to_iso(value)

    @override
    def to_internal_value(self, data: str) -> datetime:
        try:
            return from_iso(data)
        except (TypeError, ValueError):
            self.fail("invalid")


class MoneyField(serializers.DecimalField):
    """An amount to the cent, a number in JSON.

    A JSON number has no type: 67.48 is written as just that, and up to the field's twelve digits
    the way through a float and back gives the same text.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=12, decimal_places=2, **options)

    @override
    def to_representation(self, value: Decimal) -> float:  # type: ignore[override]  # not text
        return float(value)
