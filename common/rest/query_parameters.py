"""What may stand in a path's query, read and refused like a body: an error names the parameter."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from common import clock
from common.rest.cursors import LONGEST, decrypt, encrypt
from common.rest.serializers import CamelCaseSerializer, TextField, WholeNumberField

FOR_THE_FRAMEWORK = {"format"}


class Query(CamelCaseSerializer):
    """The parameters of a path."""

    reads_query = True


class PageQuery(Query):
    """Which part of a list is wanted."""

    limit = WholeNumberField(
        min_value=1, max_value=500, default=100, help_text="How many records a page has at most."
    )
    cursor = TextField(
        required=False, max_length=LONGEST, help_text="`next` of the page before; good for a day."
    )


def parse_query(shape: type[Query], request: Request) -> dict[str, Any]:
    """Return the values of the query. An empty parameter is no parameter.

    Raises:
        ValidationError: a value isn't what `shape` says, or a parameter isn't known or is given
            twice. A filter that was passed over would show everybody's records.

    """
    given = {n: values for n, values in _given(request).items() if n not in FOR_THE_FRAMEWORK}
    if twice := [name for name, values in given.items() if len(values) > 1]:
        raise ValidationError({name: [_("Given more than once.")] for name in twice})
    query = shape(data={name: values[0] for name, values in given.items()})
    query.is_valid(raise_exception=True)
    values: dict[str, Any] = query.validated_data
    return values


def decrypt_cursor(request: Request, sealed: str | None) -> str | None:
    """Return the service's cursor inside the client's.

    Raises:
        InvalidCursorError: it isn't one of ours, or one for another list.

    """
    if sealed is None:
        return None
    return decrypt(sealed, scope=_scope(request), now=clock.now())


def encrypt_cursor(request: Request, cursor: str | None) -> str | None:
    """Return the cursor for the client, who may use it with this path and these filters only."""
    return None if cursor is None else encrypt(cursor, scope=_scope(request), now=clock.now())


def _scope(request: Request) -> str:
    free = {"cursor", "limit", *FOR_THE_FRAMEWORK}
    filters = sorted(
        (name, *values) for name, values in _given(request).items() if name not in free
    )
    return f"{request.path} {filters}"


def _given(request: Request) -> dict[str, list[str]]:
    """Return the parameters that say anything, each with all that it says."""
    said = {
        name: [each for each in values if each] for name, values in request.query_params.lists()
    }
    return {name: values for name, values in said.items() if values}
