"""What REST shapes are made of: camelCase outside and snake_case inside, instants and money."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, override

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.utils import html

from common.money import DECIMAL_PLACES, MAX_AMOUNT, MAX_DIGITS
from common.timestamps import from_iso, to_iso


def camel_case(name: str) -> str:
    """Return `customer_name` as `customerName`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


class CamelCaseSerializer(serializers.Serializer[Any]):
    """A serializer whose fields are declared in snake_case and travel in camelCase.

    The fields themselves get the camelCase name (in forms, errors and the schema, too), and their
    attribute as source; so validated data is in snake_case. A field that isn't known is an error
    that names it, except `passed_over`: what an answer shows and nobody can set.
    """

    passed_over: ClassVar[frozenset[str]] = frozenset()

    @override
    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        declared = super().get_fields()
        for name, field in declared.items():
            if field.source is None and camel_case(name) != name:
                field.source = name
        return {camel_case(name): field for name, field in declared.items()}

    @override
    def to_internal_value(self, data: Any) -> Any:
        problems = {name: [_("There is no such field.")] for name in self._unknown(data)}
        try:
            values = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if not isinstance(error.detail, dict):
                raise
            raise serializers.ValidationError({**error.detail, **problems}) from error
        if problems:
            raise serializers.ValidationError(problems)
        return values

    def _unknown(self, data: Any) -> list[str]:
        # A form of the browsable API brings fields of its own, and lists field by field.
        if html.is_html_input(data) or not isinstance(data, Mapping):
            return []
        return [str(name) for name in data if name not in {*self.fields, *self.passed_over}]


def came_as_form(field: serializers.Field[Any, Any, Any, Any]) -> bool:
    """Whether the field's value comes from an HTML form, where everything is text."""
    return bool(html.is_html_input(getattr(field.root, "initial_data", None)))


class TextField(serializers.CharField):
    """Text, and no number that could be read as text."""

    @override
    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class WholeNumberField(serializers.IntegerField):
    """A whole number, and no text or truth that could be read as one; but for forms and queries."""

    @override
    def to_internal_value(self, data: Any) -> int:
        is_text = isinstance(data, str) and (came_as_form(self) or _is_query(self))
        if isinstance(data, bool) or not (is_text or isinstance(data, int)):
            self.fail("invalid")
        return super().to_internal_value(data)


def _is_query(field: serializers.Field[Any, Any, Any, Any]) -> bool:
    return bool(getattr(field.root, "reads_query", False))


@extend_schema_field({"type": "string", "format": "date-time"})
class InstantField(serializers.Field[datetime, str, str, datetime]):
    """An instant as fixed-width text in UTC; any offset is understood on the way in."""

    default_error_messages: ClassVar = {
        "invalid": _("Not an ISO 8601 instant with an offset, like 2026-11-23T13:00:00Z."),
        "out_of_range": _("Not between the years 1900 and 2200."),
    }

    @override
    def to_representation(self, value: datetime) -> str:
        return to_iso(value)

    @override
    def to_internal_value(self, data: str) -> datetime:
        try:
            instant = from_iso(data)
        except (TypeError, ValueError, OverflowError):
            self.fail("invalid")
        if not 1900 <= instant.year <= 2200:
            self.fail("out_of_range")
        return instant


@extend_schema_field({"type": "number", "minimum": 0, "maximum": float(MAX_AMOUNT)})
class MoneyField(serializers.DecimalField):
    """An amount to the cent, a number in JSON, and no text that could be read as one; but for forms.

    A JSON number has no type: 67.48 is written as just that, and up to the field's twelve digits
    the way through a float and back gives the same text.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=MAX_DIGITS, decimal_places=DECIMAL_PLACES, **options)

    @override
    def run_validation(self, data: Any = serializers.empty) -> Any:
        # Here, before the field takes blank text for null.
        if isinstance(data, str) and not came_as_form(self):
            self.fail("invalid")
        return super().run_validation(data)

    @override
    def to_representation(self, value: Decimal) -> float:  # type: ignore[override]  # not text
        return float(value)
