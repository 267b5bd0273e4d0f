"""Validation of a path's query parameters, and the cursors in them."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from common import clock
from common.naming import camel_case
from common.rest.cursors import MAX_LENGTH, decrypt_cursor, encrypt_cursor
from common.rest.serializers import CamelCaseSerializer, TextField, WholeNumberField

FRAMEWORK_PARAMETERS = {"format"}


class QuerySerializer(CamelCaseSerializer):
    """The query parameters of a path."""

    is_query = True


class PageQuerySerializer(QuerySerializer):
    """The query parameters of a list."""

    limit = WholeNumberField(
        min_value=1, max_value=500, default=100, help_text="How many records a page has at most."
    )
    cursor = TextField(
        required=False,
        max_length=MAX_LENGTH,
        help_text="`next` of the page before; good for a day.",
    )


def parse_query_parameters(
    serializer_class: type[QuerySerializer], request: Request
) -> dict[str, Any]:
    """Return the validated query parameters. An empty parameter counts as missing.

    Raises:
        ValidationError: a value is invalid, or a parameter is unknown or repeated. To ignore an
            unknown filter would return records that the client does not want.

    """
    parameters = {
        name: values
        for name, values in _nonempty_parameters(request).items()
        if name not in FRAMEWORK_PARAMETERS
    }
    if repeated := [name for name, values in parameters.items() if len(values) > 1]:
        raise ValidationError({name: [_("Given more than once.")] for name in repeated})
    serializer = serializer_class(data={name: values[0] for name, values in parameters.items()})
    serializer.is_valid(raise_exception=True)
    validated: dict[str, Any] = serializer.validated_data
    return validated


def refuse_reversed_range(parameters: Mapping[str, Any], first: str, last: str) -> None:
    """Refuse a range that ends before it begins: an empty list would hide the mistake.

    Args:
        parameters: The validated parameters.
        first: The name of the range's begin in them, e.g. "date_from".
        last: The name of its end.

    Raises:
        ValidationError: both are there, and the end is before the begin.

    """
    if first in parameters and last in parameters and parameters[last] < parameters[first]:
        problem = _("It must not be before %(name)s.") % {"name": camel_case(first)}
        raise ValidationError({camel_case(last): [problem]})


def service_cursor(request: Request, client_cursor: str | None) -> str | None:
    """Return the service's cursor inside the client's encrypted one.

    Raises:
        InvalidCursorError: it is invalid, or belongs to another list.

    """
    if client_cursor is None:
        return None
    return decrypt_cursor(client_cursor, scope=_cursor_scope(request), now=clock.now())


def client_cursor(request: Request, service_cursor: str | None) -> str | None:
    """Return the service's cursor encrypted for the client, valid for this path and these filters."""
    if service_cursor is None:
        return None
    return encrypt_cursor(service_cursor, scope=_cursor_scope(request), now=clock.now())


def _cursor_scope(request: Request) -> str:
    unbound = {"cursor", "limit", *FRAMEWORK_PARAMETERS}
    filters = sorted(
        (name, *values)
        for name, values in _nonempty_parameters(request).items()
        if name not in unbound
    )
    return f"{request.path} {filters}"


def _nonempty_parameters(request: Request) -> dict[str, list[str]]:
    """Return all nonempty values of each parameter that has any."""
    nonempty = {
        name: [value for value in values if value] for name, values in request.query_params.lists()
    }
    return {name: values for name, values in nonempty.items() if values}
