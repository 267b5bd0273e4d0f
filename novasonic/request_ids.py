"""A request's id in its log records and its response, so that a report of a user can be found in the log."""

import re
from collections.abc import Callable
from typing import Any

import structlog
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse

from common import ids

HEADER = "X-Request-Id"
_ACCEPTED = re.compile(r"[A-Za-z0-9._:=;-]{1,128}")


class RequestIdMiddleware:
    """Middleware that binds `request_id` to the log's context.

    The id is the one that a proxy has given the request (`X-Request-Id`, or AWS's `X-Amzn-Trace-Id`), or a
    new one.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """Return the response, or its coroutine, with the request's id in the log's context."""
        if iscoroutinefunction(self._get_response):
            return self._call_async(request)
        request_id = _bind(request)
        response: HttpResponse = self._get_response(request)
        response[HEADER] = request_id
        return response

    async def _call_async(self, request: HttpRequest) -> HttpResponse:
        request_id = _bind(request)
        response: HttpResponse = await self._get_response(request)
        response[HEADER] = request_id
        return response


def _bind(request: HttpRequest) -> str:
    """Bind a request's id and return it.

    It stays bound, because Django logs a response with an error after all middleware; the next request has a
    context of its own, or binds its own id.
    """
    request_id = _request_id(request)
    structlog.contextvars.bind_contextvars(request_id=request_id)
    return request_id


def _request_id(request: HttpRequest) -> str:
    for header in (HEADER, "X-Amzn-Trace-Id"):
        value = request.headers.get(header, "")
        if _ACCEPTED.fullmatch(value):
            return value
    return ids.opaque_id()
