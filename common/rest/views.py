"""What the rooms' REST views share: they ask a service, and answer with a serializer.

REST framework wants a queryset for most of its machinery; ours is an empty list, since the records
come from the services. What is left of `GenericViewSet` is what the browsable API's forms need: for
each action the shape of its body.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, override

from django.http import HttpRequest
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from common.dynamodb.paging import Page
from common.rest.envelope import EnvelopeResponse
from common.rest.preconditions import etag
from common.rest.query_parameters import encrypt_cursor


class ServiceViewSet(GenericViewSet[Any]):
    """A viewset over services. `pk` in the path is a record's id."""

    record: ClassVar[str | None] = None
    """What the permissions are of, e.g. "orders.order"; see `common.rest.permissions`."""
    bodies: ClassVar[Mapping[str, type[BaseSerializer[Any]]]] = {}
    """What a body may hold, by action; `serializer_class` is what answers show."""
    lookup_value_regex = "[^/]+"  # an impossible id is answered like an unknown one
    pagination_class = None

    @override
    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Return the request; its query is UTF-8, whatever charset a header names for its body."""
        request.encoding = "utf-8"
        return super().initialize_request(request, *args, **kwargs)

    @override
    def perform_authentication(self, request: Request) -> None:
        """Find out who asks, and count them before they are judged.

        The framework counts whom it has let in; whoever is refused could ask for ever.
        """
        try:
            super().perform_authentication(request)
        except APIException:
            super().check_throttles(request)  # as nobody, so by address
            raise
        super().check_throttles(request)

    @override
    def check_throttles(self, request: Request) -> None:
        """Do nothing: the request was counted when it came."""

    def get_queryset(self) -> Any:
        """Return nothing; see above."""
        return []

    @override
    def get_serializer_class(self) -> Any:
        return self.bodies.get(getattr(self, "action", None) or "", self.serializer_class)

    def body(self, request: Request, *, partial: bool = False) -> dict[str, Any]:
        """Return the values of the request's body.

        Raises:
            ValidationError: it isn't what the action takes; it names the fields.

        """
        serializer = self.get_serializer(data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        values: dict[str, Any] = serializer.validated_data
        return values

    def answer(self, record: Any, *, message: str, status: int = 200) -> EnvelopeResponse:
        """Return the response that shows one record, and tells its version if it has one."""
        version = hasattr(record, "updated_at")
        headers = {"ETag": etag(record.updated_at)} if version else None
        return EnvelopeResponse(
            self._shown(record), message=message, status=status, headers=headers
        )

    def answer_all(self, records: list[Any], *, noun: str, **beside: Any) -> EnvelopeResponse:
        """Return the response that shows some records; `noun` is what one of them is called."""
        count = f"{len(records)} {noun}{'' if len(records) == 1 else 's'}"
        data = self._shown(records, many=True)
        return EnvelopeResponse(data, message=f"Retrieved {count} successfully", **beside)

    def answer_page(self, request: Request, page: Page[Any], *, noun: str) -> EnvelopeResponse:
        """Return the response that shows a page of a list, and how the list goes on."""
        following = encrypt_cursor(request, page.cursor)
        return self.answer_all(page.items, noun=noun, next=following)

    def _shown(self, record: Any, *, many: bool = False) -> Any:
        if self.serializer_class is None:
            raise NotImplementedError
        context = self.get_serializer_context()
        return self.serializer_class(record, many=many, context=context).data
