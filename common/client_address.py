"""The network address of a client behind the trusted proxies that the setting PROXIES counts."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest

UNKNOWN = "unknown"


def address_of_request(request: HttpRequest) -> str:
    """Return the address of the client that sent an HTTP request."""
    peer = request.META.get("REMOTE_ADDR") or UNKNOWN
    return _client_address(peer, request.META.get("HTTP_X_FORWARDED_FOR"))


def address_of_scope(scope: Mapping[str, Any]) -> str:
    """Return the address of the client that opened an ASGI connection."""
    client = scope.get("client")
    # A proxy may add to the header of the one before it, or send a second header.
    forwarded_for = b",".join(v for name, v in scope["headers"] if name == b"x-forwarded-for")
    return _client_address(client[0] if client else UNKNOWN, forwarded_for.decode("latin-1"))


def _client_address(peer: str, forwarded_for: str | None) -> str:
    """Return the address that the outermost trusted proxy saw.

    Each proxy appends the address it saw. The client itself may have written the entries before.
    """
    proxies = settings.PROXIES
    if not proxies or not forwarded_for:
        return peer
    hops = [hop.strip() for hop in forwarded_for.split(",")]
    return hops[-min(proxies, len(hops))] or peer
