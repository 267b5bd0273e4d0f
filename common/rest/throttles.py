"""How often one caller may ask: by address without a login, by user with one. Rates are settings."""

from typing import override

from django.conf import settings
from rest_framework.throttling import AnonRateThrottle, UserRateThrottle


class AnonymousThrottle(AnonRateThrottle):
    """So many requests from one address, as long as nobody is logged in."""

    @override
    def get_rate(self) -> str | None:
        """Return e.g. "60/min", or None for no limit."""
        return _rate(settings.API_ANONYMOUS_RATE)


class UserThrottle(UserRateThrottle):
    """So many requests of one user."""

    @override
    def get_rate(self) -> str | None:
        """Return e.g. "600/min", or None for no limit."""
        return _rate(settings.API_USER_RATE)


def _rate(setting: str) -> str | None:
    return None if setting == "none" else setting
