"""Random ids, and ids as people and models write them.

Only interfaces and services make ids; all other code gets them as arguments.
"""

import re
import secrets
import uuid

from common.identity.verification import Caller, Customer
from common.spoken_numbers import parse_dictated_digits
from common.text import fold

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LABELS = re.compile(
    r"(?:#|n[°º]|\b(?:nro|num|numero|pedido|orden|turno|cita|order|id|el|la|de)\b)"
)
"""What people write before a number, in the form of `fold`."""
_SEPARATED_DIGITS = re.compile(r"\d+(?:[ .-]\d+)*")


def speakable_id() -> str:
    """Return six random digits that a person can say; the first is not 0.

    There are 900,000 of them, at random so that no customer can guess another's. Two can be equal:
    store a record only if its id is free, and draw again if it is not.
    """
    return str(100_000 + secrets.randbelow(900_000))


def speakable_code() -> str:
    """Return five random digits that a customer is told, to prove later that it is them."""
    return f"{secrets.randbelow(100_000):05}"


def tracking_number() -> str:
    """Return a parcel's tracking number: TRK and nine digits, the first not 0."""
    return f"TRK{100_000_000 + secrets.randbelow(900_000_000)}"


def opaque_id() -> str:
    """Return 32 hexadecimal digits that are unique."""
    return uuid.uuid4().hex


def is_id(text: str) -> bool:
    """Whether `text` has the form of an id, of this system or of the owner's earlier one."""
    return _ID.fullmatch(text) is not None


def parse_record_ids(text: str) -> list[str]:
    """Return the ids that `text` may mean, the likeliest first: `#001.` means 001 or 1.

    A model writes the number that a customer says as `#1`, `001`, `1.`, `pedido 1`, `12-34-56` or in
    words. Ids of the owner's earlier system may be any text, so the text itself comes first if it has
    the form of an id.
    """
    exact = text.strip()
    number = _LABELS.sub(" ", fold(exact)).strip(" .,:;-")
    if _SEPARATED_DIGITS.fullmatch(number):
        digits = re.sub(r"\D", "", number)
    else:
        digits = parse_dictated_digits(number) or ""
    return [each for each in dict.fromkeys((exact, digits, digits.lstrip("0"))) if is_id(each)]


def record_ids_for(text: str, caller: Caller) -> list[str]:
    """Return the ids that `text` may mean if a customer says it; if staff do, the text itself."""
    return (parse_record_ids(text) if isinstance(caller, Customer) else []) or [text]
