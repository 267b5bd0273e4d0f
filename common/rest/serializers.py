"""Base serializer and fields of the REST API: camelCase in JSON; instants, money, identity numbers."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, override

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.utils import html

from common.contact import (
    MAX_DNI_DIGITS,
    MAX_PHONE_LENGTH,
    check_email_characters,
    clean_patient_phone,
    mask_phone,
)
from common.errors import InvalidFieldError
from common.identity.verification import mask_dni, parse_dni
from common.money import DECIMAL_PLACES, MAX_AMOUNT, MAX_DIGITS, parse_amount
from common.naming import camel_case
from common.rest.permissions import may_see_dni, may_see_phone
from common.timestamps import MAX_INSTANT, MIN_INSTANT, from_iso, to_iso


class CamelCaseSerializer(serializers.Serializer[Any]):
    """A serializer whose fields are declared in snake_case and named in camelCase in JSON.

    The fields have the camelCase names in forms, errors and the schema, too; validated data has the
    names in snake_case. An unknown field is an error that names it.
    """

    ignored_fields: ClassVar[frozenset[str]] = frozenset()
    """Read-only fields of the record, which a body may contain, without effect."""

    @override
    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        declared = super().get_fields()
        for name, field in declared.items():
            if field.source is None and camel_case(name) != name:
                field.source = name
        return {camel_case(name): field for name, field in declared.items()}

    @override
    def to_internal_value(self, data: Any) -> Any:
        problems = {name: [_("There is no such field.")] for name in self._unknown_fields(data)}
        try:
            values = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if not isinstance(error.detail, dict):
                raise
            raise serializers.ValidationError({**error.detail, **problems}) from error
        if problems:
            raise serializers.ValidationError(problems)
        return values

    def _unknown_fields(self, data: Any) -> list[str]:
        # A form of the browsable API has fields of its own, and one field for each item of a list.
        if html.is_html_input(data) or not isinstance(data, Mapping):
            return []
        return [str(name) for name in data if name not in {*self.fields, *self.ignored_fields}]


def is_form_input(field: serializers.Field[Any, Any, Any, Any]) -> bool:
    """Whether the field's value comes from an HTML form, where every value is text."""
    return bool(html.is_html_input(getattr(field.root, "initial_data", None)))


class TextField(serializers.CharField):
    """A text; a number is not converted to one."""

    @override
    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class EmailField(serializers.EmailField):
    """An e-mail address; one with an accent or a hidden character is refused by a sentence that says so."""

    @override
    def run_validators(self, value: Any) -> None:
        try:
            check_email_characters(str(value), field=str(self.field_name))
        except InvalidFieldError as error:
            raise serializers.ValidationError(error.message, code="invalid") from error
        super().run_validators(value)


class WholeNumberField(serializers.IntegerField):
    """A whole number; a text is converted to one only in forms and queries, a boolean never."""

    @override
    def to_internal_value(self, data: Any) -> int:
        is_text = isinstance(data, str) and (is_form_input(self) or _is_query(self))
        if isinstance(data, bool) or not (is_text or isinstance(data, int)):
            self.fail("invalid")
        return super().to_internal_value(data)


def _is_query(field: serializers.Field[Any, Any, Any, Any]) -> bool:
    return bool(getattr(field.root, "is_query", False))


@extend_schema_field({"type": "string", "format": "date-time"})
class InstantField(serializers.Field[datetime, str, str, datetime]):
    """An instant: fixed-width text in UTC in responses, ISO 8601 with any offset in requests."""

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
        if not MIN_INSTANT.year <= instant.year <= MAX_INSTANT.year:
            self.fail("out_of_range")
        return instant


@extend_schema_field({"type": "number", "minimum": 0, "maximum": float(MAX_AMOUNT)})
class MoneyField(serializers.DecimalField):
    """An amount to the cent, a number in JSON; a text is converted to one only in forms: `$ 1.234,56`.

    The float in between does no harm: up to the field's twelve digits it is written in JSON with the
    same digits as the amount.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=MAX_DIGITS, decimal_places=DECIMAL_PLACES, **options)

    @override
    def run_validation(self, data: Any = serializers.empty) -> Any:
        # Before the base class, which converts blank text to None.
        if isinstance(data, str) and not is_form_input(self):
            self.fail("invalid")
        amount = parse_amount(data) if isinstance(data, str) else None
        return super().run_validation(data if amount is None else amount)

    @override
    def to_representation(self, value: Decimal) -> float:  # type: ignore[override]  # the base class returns text
        return float(value)


@extend_schema_field({"type": ["string", "null"]})
class DniField(serializers.Field[str, Any, str | None, Any]):
    """An identity number: in full for users with `orders.view_dni`, masked to two digits for others.

    Args:
        accepts_mask: Whether input may be masked. The service checks whether it is the stored one's.

    """

    default_error_messages: ClassVar = {"invalid": _("Not an identity number: up to 15 digits.")}

    def __init__(self, *, accepts_mask: bool = False, **options: Any) -> None:
        self.accepts_mask = accepts_mask
        super().__init__(**options)

    @override
    def to_representation(self, value: Any) -> str | None:
        return value if may_see_dni(self.context.get("request")) else mask_dni(value)

    @override
    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or len(data) > 2 * MAX_DNI_DIGITS:
            self.fail("invalid")
        if self.accepts_mask and "*" in data:
            return data
        digits = parse_dni(data)
        if data and (digits is None or len(digits) > MAX_DNI_DIGITS):
            self.fail("invalid")
        return data


@extend_schema_field({"type": ["string", "null"]})
class PhoneField(serializers.Field[str, Any, str | None, Any]):
    """A telephone number: in full for users with `appointments.view_phone`, masked to two digits for others.

    Args:
        accepts_mask: Whether input may be masked. The service checks whether it is the stored one's.

    """

    default_error_messages: ClassVar = {
        "invalid": _("Not a telephone number. Write it with its area code.")
    }

    def __init__(self, *, accepts_mask: bool = False, **options: Any) -> None:
        self.accepts_mask = accepts_mask
        super().__init__(**options)

    @override
    def to_representation(self, value: Any) -> str | None:
        return value if may_see_phone(self.context.get("request")) else mask_phone(value)

    @override
    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or len(data) > MAX_PHONE_LENGTH:
            self.fail("invalid")
        if self.accepts_mask and "*" in data:
            return data
        try:
            clean_patient_phone(data, field="phone")
        except InvalidFieldError:
            self.fail("invalid")
        return data
