"""The base class of the REST views: they call a service and respond with a serializer.

Most of REST framework's generic views need a queryset. The one here is an empty list, since the
records come from services. What remains of `GenericViewSet` are the forms of the browsable API,
which need the serializer of each action's body.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, override

from django.http import HttpRequest, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.translation import ngettext
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from common.dynamodb.paging import Page
from common.rest.envelope import EnvelopeResponse
from common.rest.query_parameters import client_cursor
from common.rest.request_headers import (
    check_if_match,
    etag,
    is_known_to_client,
    required_version,
)
from common.timestamps import UNVERSIONED


class ServiceViewSet(GenericViewSet[Any]):
    """A viewset over services. `pk` in the path is a record's id."""

    permission_model: ClassVar[str | None] = None
    """The model whose permissions apply, e.g. "orders.order"; see `common.rest.permissions`."""
    body_serializers: ClassVar[Mapping[str, type[BaseSerializer[Any]]]] = {}
    """The serializers of request bodies, by action. Responses use `serializer_class`."""
    lookup_value_regex = "[^/]+"  # an impossible id gets the same response as an unknown one
    pagination_class = None

    @override
    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Return the request. Its query is UTF-8, whatever charset the body has.

        All texts of a response, of errors too, are in one language: that of `Accept-Language`. Programs
        that send none get the English ones of the earlier system.
        """
        if not request.headers.get("accept-language"):
            translation.activate("en")
        request.encoding = "utf-8"
        return super().initialize_request(request, *args, **kwargs)

    @override
    def perform_authentication(self, request: Request) -> None:
        """Authenticate the request and count it against its rate limit.

        REST framework counts only requests that were authenticated; clients with wrong tokens could
        try without limit.
        """
        try:
            super().perform_authentication(request)
        except APIException:
            super().check_throttles(request)  # as an anonymous request, so per address
            raise
        super().check_throttles(request)

    @override
    def check_throttles(self, request: Request) -> None:
        """Do nothing: `perform_authentication` has counted the request."""

    def get_queryset(self) -> Any:
        """Return an empty list."""
        return []

    @override
    def get_serializer_class(self) -> Any:
        action = getattr(self, "action", None) or ""
        return self.body_serializers.get(action, self.serializer_class)

    def validated_body(self, request: Request, *, partial: bool = False) -> dict[str, Any]:
        """Return the validated values of the request's body.

        Raises:
            ValidationError: some values are invalid; the error names their fields.

        """
        serializer = self.get_serializer(data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        values: dict[str, Any] = serializer.validated_data
        return values

    def get_record(self, pk: str) -> Any:
        """Return the record with this id, which has a version (`updated_at`)."""
        raise NotImplementedError

    def required_version(
        self, request: Request, pk: str, version_in_body: datetime | None = None
    ) -> datetime | None:
        """Return the version that the record must have for the request's change; None for any."""
        return required_version(
            request,
            version_in_body=version_in_body,
            read_current_version=lambda: self.get_record(pk).updated_at,
        )

    @staticmethod
    def take_version(body: dict[str, Any]) -> datetime | None:
        """Remove `updated_at` from a validated body; return the version it names, None without one.

        A record without a version is read with `updatedAt: null`. Sent back, this is a version, too.
        """
        if "updated_at" not in body:
            return None
        version: datetime | None = body.pop("updated_at")
        return UNVERSIONED if version is None else version

    def read_response(self, request: Request, pk: str, *, message: str) -> HttpResponseBase:
        """Return the response to a read of one record; 304 if the client has this version."""
        record = self.get_record(pk)
        check_if_match(request, record.updated_at)
        if is_known_to_client(request, record.updated_at):
            return HttpResponseNotModified(headers={"ETag": etag(record.updated_at)})
        return self.record_response(record, message=message)

    def record_response(self, record: Any, *, message: str, status: int = 200) -> EnvelopeResponse:
        """Return the response with one record, and with its version as `ETag` if it has one."""
        has_version = hasattr(record, "updated_at")
        headers = {"ETag": etag(record.updated_at)} if has_version else None
        return EnvelopeResponse(
            self._serialized(record), message=message, status=status, headers=headers
        )

    def list_response(self, records: list[Any], *, noun: str, **members: Any) -> EnvelopeResponse:
        """Return the response with some records.

        Args:
            records: The records.
            noun: What one of them is called in the message, e.g. "order".
            **members: Further members of the envelope.

        """
        count = len(records)
        one = f"Retrieved %(count)d {noun} successfully"  # the catalog has those of each noun
        several = f"Retrieved %(count)d {noun}s successfully"
        message = ngettext(one, several, count) % {"count": count}
        data = self._serialized(records, many=True)
        return EnvelopeResponse(data, message=message, **members)

    def page_response(self, request: Request, page: Page[Any], *, noun: str) -> EnvelopeResponse:
        """Return the response with a page of a list and the cursor of the next page."""
        return self.list_response(page.items, noun=noun, next=client_cursor(request, page.cursor))

    def _serialized(self, record: Any, *, many: bool = False) -> Any:
        if self.serializer_class is None:
            raise NotImplementedError
        context = self.get_serializer_context()
        return self.serializer_class(record, many=many, context=context).data
