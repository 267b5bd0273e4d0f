"""Where ids come from. Nothing else draws random ids; what needs one gets it passed in."""

import re
import secrets
import uuid

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def speakable_id() -> str:
    """Return six digits that a person can say and hear; the first is never 0.

    There are 900,000 of them, drawn at random so that no customer can guess a neighbour's. Two may
    be alike: whoever stores one does so only if it is free, and draws again if it isn't.
    """
    return str(100_000 + secrets.randbelow(900_000))


def tracking_number() -> str:
    """Return what a parcel is called: TRK and nine digits, the first not 0."""
    return f"TRK{100_000_000 + secrets.randbelow(900_000_000)}"


def opaque_id() -> str:
    """Return 32 hexadecimal digits that never repeat."""
    return uuid.uuid4().hex


def is_id(text: str) -> bool:
    """Whether `text` could be an id at all, ours or one of the earlier system's."""
    return _ID.fullmatch(text) is not None
