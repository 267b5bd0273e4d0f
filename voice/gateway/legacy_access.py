"""Who may use the legacy wire, which has no tickets, and how many of its calls there may be."""

import hmac
import ipaddress
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings

from common import client_address
from voice.gateway.admission import BUSY_RETRY_S, CallRefusedError


def may_connect(scope: Any) -> bool:
    """Whether a client of the legacy wire may connect.

    `PageOriginValidator` has refused origins that are not allowed, so any origin will do here.

    Args:
        scope: The ASGI scope of the WebSocket.

    """
    if not settings.LEGACY_CLIENTS:
        return False
    headers = dict(scope["headers"])
    return (
        bool(headers.get(b"origin"))
        or _has_token(headers, scope["query_string"])
        or (settings.LEGACY_LOCAL_CLIENTS and _is_of_this_machine(scope))
    )


def _has_token(headers: dict[bytes, bytes], query: bytes) -> bool:
    if not settings.LEGACY_TOKEN:
        return False
    expected = settings.LEGACY_TOKEN.encode()
    in_header = headers.get(b"authorization", b"").removeprefix(b"Bearer ")
    in_query = parse_qs(query.decode("latin-1")).get("token", [""])[0].encode()
    return hmac.compare_digest(in_header, expected) or hmac.compare_digest(in_query, expected)


def _is_of_this_machine(scope: Any) -> bool:
    try:
        return ipaddress.ip_address(client_address.address_of_scope(scope)).is_loopback
    except ValueError:
        return False


class LegacyCalls:
    """The legacy wire's share of the calls of this process."""

    def __init__(self, max_calls: int) -> None:
        self._max_calls = max_calls
        self._calls = 0

    def admit(self) -> None:
        """Count a call.

        Raises:
            CallRefusedError: `busy`: the share is used up.

        """
        if self._calls >= self._max_calls:
            raise CallRefusedError("busy", retry_after_s=BUSY_RETRY_S)
        self._calls += 1

    def remove(self) -> None:
        """Uncount a call that has ended, or could not start."""
        self._calls -= 1
