"""Request rates: per address without a login, per user with one. The rates are settings."""

from typing import override

from django.conf import settings
from rest_framework.throttling import AnonRateThrottle, UserRateThrottle


class AnonymousThrottle(AnonRateThrottle):
    """Limits requests without a login, per address."""

    @override
    def get_rate(self) -> str | None:
        """Return e.g. "60/min", or None for no limit."""
        return _rate(settings.API_ANONYMOUS_RATE)


class UserThrottle(UserRateThrottle):
    """Limits requests per user."""

    @override
    def get_rate(self) -> str | None:
        """Return e.g. "600/min", or None for no limit."""
        return _rate(settings.API_USER_RATE)


def _rate(setting: str) -> str | None:
    return None if setting == "none" else setting
