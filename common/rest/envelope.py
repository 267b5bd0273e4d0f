"""The two envelopes of REST responses: for data and for errors.

    {"success": true, "data": …, "message": "Retrieved 5 orders successfully", "next": …}
    {"success": false, "error": {"code": …, "message": …, "details": {…}}}

The renderer adds the envelope, not the view: the browsable API finds the serializer for its forms on
`response.data`, and an envelope as a plain dict would hide it. For an error, `exception_handler` puts
the content of `error` into `response.data`.

`details` contains a serializer's errors by field, or a `DomainError`'s data. `next` exists in lists only:
the cursor of the next page, or null.
"""

import logging
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any, override
from urllib.parse import quote

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db.utils import OperationalError
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponsePermanentRedirect,
    JsonResponse,
)
from django.shortcuts import render
from django.urls import is_valid_path
from django.utils.functional import Promise
from django.utils.http import escape_leading_slashes
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views import defaults
from rest_framework import exceptions, views
from rest_framework.renderers import BrowsableAPIRenderer, HTMLFormRenderer, JSONRenderer
from rest_framework.response import Response
from rest_framework.utils.serializer_helpers import ReturnDict

from common.errors import DomainError, InvalidFieldError, StaleVersionError, UnavailableError
from common.field_labels import FIELD_LABELS
from common.naming import camel_case, snake_case
from common.rest.request_headers import has_condition
from common.timestamps import to_iso

logger = logging.getLogger(__name__)

SQL_UNAVAILABLE = "sql_database"


class EnvelopeResponse(Response):
    """A response with the members of its envelope: the message, and others beside the data."""

    def __init__(
        self,
        data: Any,
        *,
        message: str,
        status: int = 200,
        headers: dict[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(data, status=status, headers=headers)
        self.members = {"message": message, **members}


class EnvelopeJSONRenderer(JSONRenderer):
    """Renders JSON with the envelope."""

    charset = "utf-8"

    @override
    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        response = (renderer_context or {}).get("response")
        return super().render(_enveloped(data, response), accepted_media_type, renderer_context)


class LabelledFormRenderer(HTMLFormRenderer):
    """An HTML form whose fields have labels in words: "Cliente", not "CustomerName"."""

    @override
    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> Any:
        for name, field in data.serializer.fields.items():
            if label := FIELD_LABELS.get(snake_case(name)):
                field.label = capfirst(str(label))
        return super().render(data, accepted_media_type, renderer_context)


class EnvelopeBrowsableAPIRenderer(BrowsableAPIRenderer):
    """The browsable API. It shows the output of `EnvelopeJSONRenderer`."""

    form_renderer_class = LabelledFormRenderer


def _enveloped(data: Any, response: Response | None) -> dict[str, Any]:
    if response is not None and response.status_code >= 400:
        return {"success": False, "error": data}
    return {"success": True, "data": data, **getattr(response, "members", {"message": ""})}


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response:
    """Return the response for any exception in a view. No other code of REST catches all of them."""
    if isinstance(error, OperationalError):
        logger.error("sql database unavailable", extra={"error": str(error)})
        error = UnavailableError(reason=SQL_UNAVAILABLE)
    if isinstance(error, DomainError):
        views.set_rollback()
        return Response(
            _domain_error_content(error),
            status=_status(error, context),
            headers={"Retry-After": "2"} if error.http_status == 503 else {},
        )
    if isinstance(error, SuspiciousOperation):
        error = exceptions.ParseError(_("The request can't be read."))
    response = views.exception_handler(error, dict(context))
    if response is None:
        logger.error("rest request failed", exc_info=error, extra={"path": _path(context)})
        views.set_rollback()
        content = _error_content("internal", _("Something went wrong on our side."), {})
        return Response(content, status=500)
    response.data = _framework_error_content(error, response.data)
    return response


def _error_content(code: str, message: str, details: object) -> dict[str, object]:
    return {"code": code, "message": message, "details": details}


def _domain_error_content(error: DomainError) -> dict[str, object]:
    if isinstance(error, InvalidFieldError):
        details: dict[str, object] = {camel_case(str(error.data["field"])): [error.message]}
    else:
        details = {camel_case(name): _json_value(value) for name, value in error.data.items()}
    return _error_content(error.code, error.message, details)


def _status(error: DomainError, context: Mapping[str, Any]) -> int:
    """Return the error's status; 412 if the stale version is that of a conditional header."""
    request = context.get("request")
    if isinstance(error, StaleVersionError) and request is not None and has_condition(request):
        return 412
    return error.http_status


def _framework_error_content(error: Exception, data: Any) -> dict[str, object]:
    """Return the content for one of REST framework's exceptions, Http404 or PermissionDenied."""
    match error:
        case exceptions.ValidationError():
            fields = data if isinstance(data, dict) else {"non_field_errors": data}
            details = {camel_case(name): problems for name, problems in fields.items()}
            message = _("Some values can't be used; see the details.")
            return _with_serializer(_error_content("invalid", message, details), data)
        case exceptions.APIException():
            return _error_content(error.default_code, str(error.detail), {})
        case Http404():
            return _error_content("not_found", _("There is nothing under this address."), {})
        case PermissionDenied():
            return _error_content("permission_denied", _("You aren't allowed to do that."), {})
        case _:  # pragma: no cover -- views.exception_handler handles no others
            raise error


def _with_serializer(content: dict[str, object], data: Any) -> dict[str, object]:
    """Return the content with the serializer of `data`, from which the browsable API fills its form."""
    serializer = getattr(data, "serializer", None)
    return content if serializer is None else ReturnDict(content, serializer=serializer)


def _json_value(value: object) -> object:
    match value:
        case datetime():
            return to_iso(value)
        case Promise():
            return str(value)
        case list() | tuple() | set() | frozenset():
            return [_json_value(each) for each in value]
        case _:
            return value


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the 404 response for a path without a view: HTML for browsers, else the envelope.

    A path with a slash too many, e.g. `/orders/`, is redirected. Django's APPEND_SLASH only helps in the
    other direction.
    """
    if (path := _path_without_slash(request)) is not None:
        return HttpResponsePermanentRedirect(path, preserve_request=True)
    if _is_browser(request):
        return defaults.page_not_found(request, exception)
    return _error_response(404, "not_found", _("There is nothing under this address."))


def _path_without_slash(request: HttpRequest) -> str | None:
    """Return the path and query without the slash at the path's end, or None if that is no better.

    It is better only if it has a view and the path as it is has none: a view that found nothing under its
    own path has raised the 404 itself.
    """
    path_info = request.path_info
    if not path_info.endswith("/") or is_valid_path(path_info):
        return None
    if not is_valid_path(path_info.rstrip("/")):
        return None
    query = f"?{request.META['QUERY_STRING']}" if request.META.get("QUERY_STRING") else ""
    path: str = escape_leading_slashes(quote(request.path.rstrip("/"), safe="/"))
    return path + query


def server_error(request: HttpRequest) -> HttpResponse:
    """Return the 500 response for an exception outside REST's views, which Django has logged.

    If the SQL database is unavailable, it is a 503 response, as for any other store.
    """
    if isinstance(
        sys.exc_info()[1], OperationalError
    ):  # Django calls this while it handles the error
        return _unavailable(request)
    if _is_browser(request):
        return defaults.server_error(request)
    return _error_response(500, "internal", _("Something went wrong on our side."))


def _unavailable(request: HttpRequest) -> HttpResponse:
    error = UnavailableError(reason=SQL_UNAVAILABLE)
    if _is_browser(request):
        response = render(request, "503.html", {"error": error}, status=error.http_status)
    else:
        response = _error_response(error.http_status, error.code, error.message)
    response["Retry-After"] = "2"
    return response


def _is_browser(request: HttpRequest) -> bool:
    # A browser names HTML. A program that accepts anything (`*/*`) is no browser.
    return "text/html" in request.headers.get("accept", "")


def _error_response(status: int, code: str, message: str) -> JsonResponse:
    error = _error_content(code, message, {})
    return JsonResponse({"success": False, "error": error}, status=status)


def _path(context: Mapping[str, Any]) -> str | None:
    request = context.get("request")
    return None if request is None else str(request.path)
