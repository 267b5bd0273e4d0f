"""Random ids. Only interfaces and services call these; all other code gets ids as arguments."""

import re
import secrets
import uuid

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def speakable_id() -> str:
    """Return six random digits that a person can say; the first is not 0.

    There are 900,000 of them, at random so that no customer can guess another's. Two can be equal:
    store a record only if its id is free, and draw again if it is not.
    """
    return str(100_000 + secrets.randbelow(900_000))


def tracking_number() -> str:
    """Return a parcel's tracking number: TRK and nine digits, the first not 0."""
    return f"TRK{100_000_000 + secrets.randbelow(900_000_000)}"


def opaque_id() -> str:
    """Return 32 hexadecimal digits that are unique."""
    return uuid.uuid4().hex


def is_id(text: str) -> bool:
    """Whether `text` has the form of an id, of this system or of the owner's earlier one."""
    return _ID.fullmatch(text) is not None
