"""The REST door's two envelopes: around an answer, and around an error.

    {"success": true, "data": …, "message": "Retrieved 5 orders successfully", "next": …}
    {"success": false, "error": {"code": …, "message": …, "details": {…}}}

Theory. The answer's envelope is put on while rendering, not in the view: the browsable API finds
the serializer for its forms on `response.data`, and an envelope as a plain dict would hide it. The
error's envelope is made from what `exception_handler` left in `response.data`. No view builds one.

`details` names the fields: a serializer's own errors, or a `DomainError`'s data. `next` is in lists only:
the cursor of the page that follows, or null.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, override

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views import defaults
from rest_framework import exceptions, views
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer
from rest_framework.response import Response
from rest_framework.utils.serializer_helpers import ReturnDict

from common.errors import DomainError, InvalidFieldError, StaleVersionError
from common.rest.preconditions import IF_MATCH
from common.rest.serializers import camel_case
from common.timestamps import to_iso

logger = logging.getLogger(__name__)


class EnvelopeResponse(Response):
    """A response with the sentence that goes beside its data, and what else goes into the envelope."""

    def __init__(
        self,
        data: Any,
        *,
        message: str,
        status: int = 200,
        headers: dict[str, str] | None = None,
        **beside: Any,
    ) -> None:
        super().__init__(data, status=status, headers=headers)
        self.beside = {"message": message, **beside}


class EnvelopeJSONRenderer(JSONRenderer):
    """JSON in the envelope."""

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


class EnvelopeBrowsableAPIRenderer(BrowsableAPIRenderer):
    """The browsable API; it shows what the JSON renderer makes."""


def _enveloped(data: Any, response: Response | None) -> dict[str, Any]:
    if response is not None and response.status_code >= 400:
        return {"success": False, "error": data}
    return {"success": True, "data": data, **getattr(response, "beside", {"message": ""})}


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response:
    """Return the response for any error in a view. REST's only place that catches them all."""
    if isinstance(error, DomainError):
        views.set_rollback()
        return Response(_of_domain(error), status=_status(error, context), headers=_retry(error))
    if isinstance(error, SuspiciousOperation):
        error = exceptions.ParseError(_("The request can't be read."))
    response = views.exception_handler(error, dict(context))
    if response is None:
        logger.error("rest request failed", exc_info=error, extra={"path": _path(context)})
        views.set_rollback()
        return Response(_error("internal", _("Something went wrong on our side."), {}), status=500)
    response.data = _of_framework(error, response.data)
    return response


def _error(code: str, message: str, details: object) -> dict[str, object]:
    return {"code": code, "message": message, "details": details}


def _of_domain(error: DomainError) -> dict[str, object]:
    if isinstance(error, InvalidFieldError):
        details: dict[str, object] = {camel_case(str(error.data["field"])): [error.message]}
    else:
        details = {camel_case(name): _plain(value) for name, value in error.data.items()}
    return _error(error.code, error.message, details)


def _status(error: DomainError, context: Mapping[str, Any]) -> int:
    """Return the error's status; a version that `If-Match` asked for in vain is a failed precondition."""
    request = context.get("request")
    if isinstance(error, StaleVersionError) and request is not None and IF_MATCH in request.headers:
        return 412
    return error.http_status


def _retry(error: DomainError) -> dict[str, str]:
    return {"Retry-After": "2"} if error.http_status == 503 else {}


def _of_framework(error: Exception, data: Any) -> dict[str, object]:
    """Return the error for one of REST framework's own exceptions, or Django's two."""
    match error:
        case exceptions.ValidationError():
            fields = data if isinstance(data, dict) else {"non_field_errors": data}
            details = {camel_case(name): problems for name, problems in fields.items()}
            found = _error("invalid", _("Some values can't be used; see the details."), details)
            return _with_form_of(data, found)
        case exceptions.APIException():
            return _error(error.default_code, str(error.detail), {})
        case Http404():
            return _error("not_found", _("There is nothing under this address."), {})
        case PermissionDenied():
            return _error("permission_denied", _("You aren't allowed to do that."), {})
        case _:  # pragma: no cover -- views.exception_handler knows no others
            raise error


def _with_form_of(data: Any, found: dict[str, object]) -> dict[str, object]:
    """Return the error with the serializer that made it, so that the browsable API keeps what was typed."""
    serializer = getattr(data, "serializer", None)
    return found if serializer is None else ReturnDict(found, serializer=serializer)


def _plain(value: object) -> object:
    """Return `value` as JSON holds it."""
    match value:
        case datetime():
            return to_iso(value)
        case Promise():
            return str(value)
        case list() | tuple() | set() | frozenset():
            return [_plain(each) for each in value]
        case _:
            return value


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an address that no view has: in the envelope, unless somebody looks at it in a browser."""
    if _is_browser(request):
        return defaults.page_not_found(request, exception)
    return _refusal(404, "not_found", _("There is nothing under this address."))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer what broke outside a view, or while its answer was written: as `nothing_here` does."""
    # Django has logged it.
    if _is_browser(request):
        return defaults.server_error(request)
    return _refusal(500, "internal", _("Something went wrong on our side."))


def _is_browser(request: HttpRequest) -> bool:
    # A browser names HTML; a program that takes anything, `*/*`, is no browser.
    return "text/html" in request.headers.get("accept", "")


def _refusal(status: int, code: str, message: str) -> JsonResponse:
    return JsonResponse({"success": False, "error": _error(code, message, {})}, status=status)


def _path(context: Mapping[str, Any]) -> str | None:
    request = context.get("request")
    return None if request is None else str(request.path)
