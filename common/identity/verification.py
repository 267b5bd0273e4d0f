"""Compare what a caller says of themselves with what a record says of its owner.

A customer on the telephone proves who they are by a name or an identity number (DNI); either is
enough. Accents, case, spacing and punctuation do not count, since speech recognition chooses them.
Parts of a name are not enough: "Juan" isn't "Juan Pérez". An empty value matches nothing.
"""

import unicodedata
from dataclasses import dataclass

_DNI_SEPARATORS = dict.fromkeys(map(ord, " .-"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """A member of the staff, who may read and change every record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A customer, by the name and identity number they give in the call `call_id`."""

    name: str | None = None
    dni: str | None = None
    call_id: str | None = None


type Caller = Staff | Customer


def gives_identity(caller: Caller) -> bool:
    """Whether `caller` gave a name or an identity number at all."""
    match caller:
        case Staff():
            return True
        case Customer():
            return bool(normalized_name(caller.name or "") or digits(caller.dni or ""))


def matches_identity(caller: Caller, *, name: str, dni: str | None = None) -> bool:
    """Whether `caller` may access a record whose owner has this `name` and `dni`."""
    match caller:
        case Staff():
            return True
        case Customer():
            has_dni = is_same_dni(caller.dni or "", dni or "")
            return has_dni or is_same_name(caller.name or "", name)


def is_same_name(a: str, b: str) -> bool:
    """Whether two full names are equal after normalization; empty names are not."""
    return normalized_name(a) == normalized_name(b) != ()


def is_same_dni(a: str, b: str) -> bool:
    """Whether two identity numbers have the same digits: "12.345.678" and "12345678" do."""
    return digits(a) == digits(b) != ""


def normalized_name(text: str) -> tuple[str, ...]:
    """Return the words of `text` in lower case, without accents and punctuation."""
    decomposed = unicodedata.normalize("NFKD", text)
    letters = "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()
    return tuple("".join(c if c.isalnum() else " " for c in letters).split())


def digits(text: str) -> str:
    """Return the decimal digits of `text`, as ASCII."""
    return "".join(c for c in unicodedata.normalize("NFKC", text) if c in "0123456789")


def parse_dni(text: str) -> str | None:
    """Return the digits of an identity number as people write it, or None.

    Spaces, dots and hyphens may separate the digits: "12.345.678" is "12345678". Any other character
    makes it invalid: the remaining digits of "******78" or "12x34" would be another person's number.
    """
    number = unicodedata.normalize("NFKC", text).translate(_DNI_SEPARATORS)
    return number if number.isascii() and number.isdecimal() else None


def mask_dni(dni: str | None) -> str | None:
    """Return `dni` with all but its last two digits hidden: "12345678" is "******78"."""
    if not dni:
        return None
    number = digits(dni)
    shown = number[-2:] if len(number) > 4 else ""
    return "*" * max(len(number) - len(shown), 6) + shown
