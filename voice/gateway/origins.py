"""Which pages may open the WebSocket and request tickets, by their `Origin` header."""

from typing import Any
from urllib.parse import ParseResult, urlparse

from channels.security.websocket import OriginValidator
from django.conf import settings
from django.http.request import split_domain_port, validate_host


class PageOriginValidator(OriginValidator):
    """Also allow the site's own page, and clients without an origin.

    Browsers always send an origin, so a request without one comes from no page of another site.
    """

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        """Pass the connection on, or deny it."""
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin-1")
        host = headers.get(b"host", b"").decode("latin-1")
        if is_same_origin(origin, host):
            application: Any = self.application
            return await application(scope, receive, send)
        return await super().__call__(scope, receive, send)

    def valid_origin(self, parsed_origin: ParseResult | None) -> bool:
        """Whether the settings allow this origin."""
        return parsed_origin is not None and self.validate_origin(parsed_origin)


def is_same_origin(origin: str, host: str) -> bool:
    """Whether a request comes from a page of the host that it was sent to, or from no page.

    Args:
        origin: The `Origin` header, "" if there is none.
        host: The `Host` header; it must be in `ALLOWED_HOSTS`, since any name can be pointed at us.

    """
    host = host.lower()
    return not origin or (origin.lower().partition("://")[2] == host and _is_allowed_host(host))


def is_allowed_origin(origin: str) -> bool:
    """Whether the settings allow pages of this origin."""
    validator = PageOriginValidator(_no_application, settings.WS_ALLOWED_ORIGINS)
    return validator.valid_origin(urlparse(origin) if origin else None)


async def _no_application(*_: Any) -> None:
    """Stand for the application that `PageOriginValidator` needs."""


def _is_allowed_host(host: str) -> bool:
    domain, _port = split_domain_port(host)
    return validate_host(domain, settings.ALLOWED_HOSTS)
