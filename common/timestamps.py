"""Instants as text: UTC, milliseconds, always 24 characters, so that text order is time order.

The form is JavaScript's `toISOString()`, which the earlier system wrote: 2026-11-23T13:00:00.000Z.
DynamoDB sorts and compares these strings, so one that is shorter or says `+00:00` would sort wrong.
"""

from datetime import UTC, datetime, timedelta

TICK = timedelta(milliseconds=1)
UNVERSIONED = datetime(1970, 1, 1, tzinfo=UTC)
"""The version of a record that has no `updatedAt`: the earlier system's appointments."""
NO_EARLIER, NO_LATER = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 12, 31, tzinfo=UTC)
"""All that is stored lies between. At the very ends of the calendar an instant has no local time."""


def to_iso(instant: datetime) -> str:
    """Return an aware `instant` as text. Anything under a millisecond is cut off.

    Raises:
        ValueError: `instant` is naive.

    """
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def from_iso(text: str) -> datetime:
    """Return the aware instant, in UTC, that `text` names; with or without milliseconds, any offset.

    Raises:
        ValueError: `text` is no ISO 8601 instant, or has no offset.

    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"no offset in {text!r}")
    return instant.astimezone(UTC)


def to_ms(instant: datetime) -> datetime:
    """Return `instant` as it will be read back after storing: UTC, whole milliseconds."""
    return from_iso(to_iso(instant))


def next_version(previous: datetime | None, now: datetime) -> datetime:
    """Return the instant to store as a changed record's `updatedAt`: `now`, but after `previous`.

    `updatedAt` is what a change is made conditional on, so two changes may never share one, not
    even within a millisecond or after the clock was set back.
    """
    now = to_ms(now)
    return now if previous is None else max(now, previous + TICK)
