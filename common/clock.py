"""The time now. Nothing else reads the system's clock: doors call this and pass `now` on."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present instant, aware, in UTC."""
    return datetime.now(UTC)
