"""Middleware that keeps answers out of caches, which would show personal data to others later."""

from django.http import HttpRequest, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin


class NoStoreMiddleware(MiddlewareMixin):
    """Adds `Cache-Control: no-store` to every response whose view has not chosen another value."""

    def process_response(
        self, _request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Add the header."""
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "no-store"
        return response
