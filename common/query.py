"""What may stand in a path's query, read and refused like a body: an error names the parameter."""

from typing import Any

from rest_framework.request import Request

from common import clock
from common.cursors import LONGEST, seal, unseal
from common.serializers import CamelCaseSerializer, TextField, WholeNumberField

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


def read(shape: type[Query], request: Request) -> dict[str, Any]:
    """Return the values of the query. An empty parameter is no parameter.

    Raises:
        ValidationError: a value isn't what `shape` says, or a parameter isn't known. A mistyped
            filter that was passed over would show everybody's records.

    """
    given = {name: value for name, value in request.query_params.items() if value}
    query = shape(data={name: v for name, v in given.items() if name not in FOR_THE_FRAMEWORK})
    query.is_valid(raise_exception=True)
    values: dict[str, Any] = query.validated_data
    return values


def opened_cursor(request: Request, sealed: str | None) -> str | None:
    """Return the service's cursor inside the client's.

    Raises:
        InvalidCursorError: it isn't one of ours, or one for another list.

    """
    if sealed is None:
        return None
    return unseal(sealed, scope=_scope(request), now=clock.now())


def sealed_cursor(request: Request, cursor: str | None) -> str | None:
    """Return the cursor for the client, who may use it with this path and these filters only."""
    return None if cursor is None else seal(cursor, scope=_scope(request), now=clock.now())


def _scope(request: Request) -> str:
    params = request.query_params
    free = {"cursor", "limit", *FOR_THE_FRAMEWORK}
    filters = sorted((name, value) for name, value in params.items() if value and name not in free)
    return f"{request.path} {filters}"
