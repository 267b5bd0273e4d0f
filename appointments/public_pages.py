"""What all pages share that people open from a message, without an account."""

import math
from collections.abc import Callable
from functools import wraps
from typing import Any, override

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from rest_framework.request import Request

from common.errors import UnavailableError
from common.rest.throttles import SharedThrottle

LANGUAGE = "es"
"""The pages are for the business's customers, whatever language their browser prefers."""
RETRY_AFTER_S = 10

type View = Callable[..., HttpResponse]


class PublicPageThrottle(SharedThrottle):
    """Limits the requests for these pages per address."""

    scope = "page"

    @override
    def get_cache_key(self, request: Request, view: Any) -> str:
        """Return what identifies the client."""
        return self.get_ident(request)

    @override
    def get_rate(self) -> str | None:
        """Return e.g. "60/min", or None for no limit."""
        rate: str = settings.PUBLIC_PAGE_RATE
        return None if rate == "none" else rate


def public_page(view: View) -> View:
    """Let a view serve a page for whoever knows its address.

    Requests are limited; DynamoDB's failures get a page; nothing is cached, indexed or named to other sites.
    No cookie gives any right here, so no other site could misuse one.
    """

    @csrf_exempt
    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with translation.override(LANGUAGE):
            response = _limited(request, lambda: view(request, *args, **kwargs))
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return wrapper


def _limited(request: HttpRequest, respond: Callable[[], HttpResponse]) -> HttpResponse:
    throttle = PublicPageThrottle()
    if not throttle.allow_request(Request(request), None):
        return _refusal(request, 429, math.ceil(throttle.wait()))
    try:
        return respond()
    except UnavailableError:
        return _refusal(request, 503, RETRY_AFTER_S)


def _refusal(request: HttpRequest, status: int, retry_after_s: int) -> HttpResponse:
    context = {"problem": "too_many" if status == 429 else "unavailable"}
    response = render(request, "appointments/link_problem.html", context, status=status)
    response["Retry-After"] = str(retry_after_s)
    return response
