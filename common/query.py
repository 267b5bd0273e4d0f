"""What may stand in a path's query, read and refused like a body: an error names the parameter."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from common.serializers import CamelCaseSerializer


class Limit(CamelCaseSerializer):
    """How many records a list may have."""

    limit = serializers.IntegerField(min_value=1, max_value=500, default=100)


def read(shape: type[CamelCaseSerializer], request: Request) -> dict[str, Any]:
    """Return the values of the query.

    Raises:
        ValidationError: a value isn't what `shape` says.

    """
    query = shape(data=request.query_params)
    query.is_valid(raise_exception=True)
    values: dict[str, Any] = query.validated_data
    return values
