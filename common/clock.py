"""The current time. Only interfaces call this; all other code gets `now` as an argument."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the current instant, aware, in UTC."""
    return datetime.now(UTC)
