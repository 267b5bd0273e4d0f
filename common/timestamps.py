"""Instants as text: UTC, milliseconds, always 24 characters, so that text order is time order.

The format is that of JavaScript's `toISOString()`: 2026-11-23T13:00:00.000Z. The owner's earlier
system wrote the same. DynamoDB sorts and compares these texts; a shorter one, or one that ends in
`+00:00`, would sort wrong.
"""

from datetime import UTC, datetime, timedelta

MILLISECOND = timedelta(milliseconds=1)
UNVERSIONED = datetime(1970, 1, 1, tzinfo=UTC)
"""The version of a record that has no `updatedAt`: an appointment of the owner's earlier system."""
MIN_INSTANT, MAX_INSTANT = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 12, 31, tzinfo=UTC)
"""The limits of all stored instants. An instant at the very ends of the calendar has no local time."""


def to_iso(instant: datetime) -> str:
    """Return an aware `instant` as text, cut to whole milliseconds.

    Raises:
        ValueError: `instant` is naive.

    """
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def from_iso(text: str) -> datetime:
    """Return the instant of an ISO 8601 text with any offset, in UTC.

    Raises:
        ValueError: `text` is not ISO 8601, or has no offset.

    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"no offset in {text!r}")
    return instant.astimezone(UTC)


def truncate_to_ms(instant: datetime) -> datetime:
    """Return `instant` as it is read back after storing: in UTC, cut to whole milliseconds."""
    return from_iso(to_iso(instant))


def next_version(previous: datetime | None, now: datetime) -> datetime:
    """Return the `updatedAt` of a changed record: `now`, but always later than `previous`.

    Changes are conditional on `updatedAt`, so two changes must not share one, not even within a
    millisecond or after the clock was set back.
    """
    now = truncate_to_ms(now)
    return now if previous is None else max(now, previous + MILLISECOND)
