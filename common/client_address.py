"""Where a request comes from, behind the proxies that the settings tell of."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest

UNKNOWN = "unknown"


def address_of_request(request: HttpRequest) -> str:
    """Return the address of whoever sent an HTTP request."""
    peer, said = request.META.get("REMOTE_ADDR"), request.META.get("HTTP_X_FORWARDED_FOR")
    return _behind(peer or UNKNOWN, said)


def address_of_scope(scope: Mapping[str, Any]) -> str:
    """Return the address of whoever opened an ASGI connection."""
    client = scope.get("client")
    said = dict(scope["headers"]).get(b"x-forwarded-for")
    return _behind(client[0] if client else UNKNOWN, said.decode("latin-1") if said else None)


def _behind(peer: str, forwarded_for: str | None) -> str:
    """Return what the farthest of our proxies saw: whatever stands before it, anybody may have written."""
    proxies = settings.PROXIES
    if not proxies or not forwarded_for:
        return peer
    hops = [hop.strip() for hop in forwarded_for.split(",")]
    return hops[-min(proxies, len(hops))] or peer
