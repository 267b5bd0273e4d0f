"""The network address of a client behind the trusted proxies that the setting PROXIES counts."""

import ipaddress
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
    return _without_port(hops[-min(proxies, len(hops))]) or peer


def _without_port(hop: str) -> str | None:
    """Return the address of `192.0.2.7`, `192.0.2.7:50123` or `[2001:db8::7]:50123`; None if it is none.

    Some proxies add the client's port, which changes with each connection: a limit for such a text
    would limit nothing.
    """
    host = hop
    if hop.startswith("["):
        host = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        host = hop.partition(":")[0]
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None
