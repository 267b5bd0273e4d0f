"""Request rates: per address without a login, per user with one. The rates are settings.

All processes count together, in DynamoDB: otherwise each more of them would allow as many requests again,
and a restart would forget them. A refused client is remembered here until its period ends, so that a
flood costs no writes.
"""

import logging
import time
from datetime import datetime, timedelta
from typing import Any, override

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import AnonRateThrottle, SimpleRateThrottle, UserRateThrottle

from common import client_address, clock
from common.errors import BusyError, UnavailableError
from common.identity.lockout import hash_text
from common.limit_log import LimitLog
from common.networks import network_of
from common.request_counts.repository import count_request

logger = logging.getLogger(__name__)
_log = LimitLog(logger, "rest request throttled")

MAX_REMEMBERED = 16_384


class Refusals:
    """The clients that are refused until their period ends, in bounded memory.

    Two clients whose hashes meet in one slot replace each other; then DynamoDB knows.
    """

    def __init__(self) -> None:
        self._slots: dict[int, tuple[str, datetime]] = {}

    def add(self, client: str, *, until: datetime) -> None:
        """Remember that a client is refused."""
        self._slots[hash(client) % MAX_REMEMBERED] = client, until

    def refused_until(self, client: str, *, now: datetime) -> datetime | None:
        """Return until when a client is refused; None if it is not known to be."""
        remembered, until = self._slots.get(hash(client) % MAX_REMEMBERED, ("", now))
        return until if remembered == client and until > now else None

    def __len__(self) -> int:
        """Return how many clients are remembered."""
        return len(self._slots)

    def clear(self) -> None:
        """Forget all."""
        self._slots.clear()


refusals = Refusals()


class SharedThrottle(SimpleRateThrottle):
    """Limits the requests of a client, of which all processes together accept so many per period."""

    @override
    def get_ident(self, request: Request) -> str:
        """Return the network of the client that the outermost trusted proxy saw."""
        return network_of(client_address.address_of_request(request._request))  # noqa: SLF001 -- Django's, which has the META of the server

    @override
    def allow_request(self, request: Request, view: Any) -> bool:
        """Whether the client may send this request; count it."""
        key = None if self.rate is None else self.get_cache_key(request, view)
        if key is None:
            return True
        client, now = f"{self.scope}-{hash_text(f'{key} {self.rate}')}", clock.now()
        self._wait_until = refusals.refused_until(client, now=now)
        if self._wait_until is None:
            self._wait_until = self._count(client, now)
        if self._wait_until is not None:
            self._wait_s = (self._wait_until - now).total_seconds()
            refusals.add(client, until=self._wait_until)
            _log.report(str(self.scope), now=time.monotonic())
        return self._wait_until is None

    def _count(self, client: str, now: datetime) -> datetime | None:
        """Count a request; return until when the client is refused, if it is."""
        max_requests, period_s = self.parse_rate(self.rate)
        assert max_requests is not None
        assert period_s is not None
        try:
            count, ends_at = count_request(client, now=now, period=timedelta(seconds=period_s))
        except (UnavailableError, BusyError):
            return None  # whatever the view reads fails, too
        return ends_at if count > max_requests else None

    @override
    def wait(self) -> float:
        """Return after how many seconds the client may send its next request."""
        return self._wait_s


class AnonymousThrottle(SharedThrottle, AnonRateThrottle):
    """Limits requests without a login, per address."""

    @override
    def get_rate(self) -> str | None:
        """Return e.g. "60/min", or None for no limit."""
        return _rate(settings.API_ANONYMOUS_RATE)


class UserThrottle(SharedThrottle, UserRateThrottle):
    """Limits requests per user."""

    @override
    def get_cache_key(self, request: Request, view: Any) -> str | None:
        """Return what identifies the user; None for a request without a login."""
        return super().get_cache_key(request, view) if request.user.is_authenticated else None

    @override
    def get_rate(self) -> str | None:
        """Return e.g. "600/min", or None for no limit."""
        return _rate(settings.API_USER_RATE)


def _rate(setting: str) -> str | None:
    return None if setting == "none" else setting
