"""Whose pages may call: open the WebSocket, and get a ticket for it."""

from typing import Any
from urllib.parse import ParseResult, urlparse

from channels.security.websocket import OriginValidator
from django.conf import settings
from django.http.request import split_domain_port, validate_host


class PageOriginValidator(OriginValidator):
    """Channels' validator, with two more ways in.

    The site's own page (the origin's host is the request's), and clients that send no origin at
    all: those are not browsers, so no other site's page can be behind them.
    """

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        """Let the connection in, or deny it."""
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin-1")
        host = headers.get(b"host", b"").decode("latin-1")
        if is_our_own(origin, host):
            application: Any = self.application
            return await application(scope, receive, send)
        return await super().__call__(scope, receive, send)

    def valid_origin(self, parsed_origin: ParseResult | None) -> bool:
        """Tell whether the settings name this origin."""
        return parsed_origin is not None and self.validate_origin(parsed_origin)


def is_our_own(origin: str, host: str) -> bool:
    """Tell whether a request comes from a page of this very host, or from no page at all."""
    name = host.lower()
    return not origin or (origin.lower().partition("://")[2] == name and _is_ours(name))


def may_call(origin: str) -> bool:
    """Tell whether the settings let pages of this origin call."""
    validator = PageOriginValidator(_nothing, settings.WS_ALLOWED_ORIGINS)
    return validator.valid_origin(urlparse(origin) if origin else None)


async def _nothing(*_: Any) -> None:
    """Serve nothing: the validator is only asked."""


def _is_ours(host: str) -> bool:
    """Tell whether the site answers to this Host header: else any name could point at us."""
    domain, _port = split_domain_port(host)
    return validate_host(domain, settings.ALLOWED_HOSTS)
