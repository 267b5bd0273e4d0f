"""Who is asking, and whether what they say of themselves matches what is on record.

A customer on the telephone proves who they are by a name or an identity number; either is enough.
What was heard is compared forgivingly (accents, capitals, spacing and punctuation don't count),
but never by parts: "Juan" isn't "Juan Pérez". Nothing on record matches nothing said.
"""

import unicodedata
from dataclasses import dataclass

_SEPARATORS = dict.fromkeys(map(ord, " .-"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """Somebody of the business, who may see and change everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Somebody outside it, by what they say of themselves; `call_id` tells the call they say it in."""

    name: str | None = None
    dni: str | None = None
    call_id: str | None = None


type Caller = Staff | Customer


def offers_proof(caller: Caller) -> bool:
    """Whether `caller` has said anything that could prove who they are."""
    match caller:
        case Staff():
            return True
        case Customer():
            return bool(normalized_name(caller.name or "") or digits(caller.dni or ""))


def matches_identity(caller: Caller, *, name: str, dni: str | None = None) -> bool:
    """Whether `caller` may touch a record of the person with this `name` and `dni`."""
    match caller:
        case Staff():
            return True
        case Customer():
            by_dni = is_same_dni(caller.dni or "", dni or "")
            by_name = is_same_name(caller.name or "", name)
            return by_dni or by_name


def is_same_name(a: str, b: str) -> bool:
    """Whether two full names are one. An empty name is nobody's."""
    return normalized_name(a) == normalized_name(b) != ()


def is_same_dni(a: str, b: str) -> bool:
    """Whether two identity numbers are one: "12.345.678" is "12345678". None is nobody's."""
    return digits(a) == digits(b) != ""


def normalized_name(text: str) -> tuple[str, ...]:
    """Return the words of `text` without accents, capitals and punctuation."""
    decomposed = unicodedata.normalize("NFKD", text)
    letters = "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()
    return tuple("".join(c if c.isalnum() else " " for c in letters).split())


def digits(text: str) -> str:
    """Return the decimal digits of `text`, as ASCII."""
    return "".join(c for c in unicodedata.normalize("NFKC", text) if c in "0123456789")


def parse_dni(text: str) -> str | None:
    """Return the digits of an identity number that is written as people do, or None.

    Between digits may stand spaces, dots and hyphens: "12.345.678" is "12345678". Anything else is
    no number: what is left of "******78" or "12x34" would be another person's.
    """
    tidy = unicodedata.normalize("NFKC", text).translate(_SEPARATORS)
    return tidy if tidy.isascii() and tidy.isdecimal() else None


def mask_dni(dni: str | None) -> str | None:
    """Return `dni` with all but its last two digits hidden: "12345678" is "******78"."""
    if not dni:
        return None
    known = digits(dni)
    shown = known[-2:] if len(known) > 4 else ""
    return "*" * max(len(known) - len(shown), 6) + shown
