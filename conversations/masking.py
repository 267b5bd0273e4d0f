"""Words and arguments as they may be stored: what tells who somebody is, hidden. Pure.

    juan.perez@email.com    j***@e***.com
    12.345.678              ******78
    +54 9 11 5555-1234      ******34

Numbers of orders and appointments (six digits at most), prices, dates and times stay. What is dictated
in two segments can't be seen in either, and names aren't hidden: who reads a conversation may see whose
it is.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from common.identity.verification import digits, mask_dni, normalized_name
from conversations.spoken_numbers import DNI, HIDDEN, PHONE, hide_numbers

EMAIL = "email"
MASKS = frozenset({DNI, EMAIL, PHONE})
FIELDS: Mapping[str, tuple[str, ...]] = {
    DNI: ("dni", "documento", "document", "identidad", "cuit", "cuil"),
    EMAIL: ("mail", "correo"),
    PHONE: ("phone", "telefono", "celular", "movil", "mobile", "whatsapp"),
}
"""By mask, what the names of fields have in them that hold such a thing."""

_LOCAL = r"[\w.!#$%&'/=?^`{|}~+-]"
_EMAIL = re.compile(rf"(?<!{_LOCAL}){_LOCAL}+@[\w-]+(?:\.[\w-]+)*")
_JOINED = r"(?:punto|gui[oó]n(?:\s+bajo)?|m[aá]s)"
_SPOKEN_EMAIL = re.compile(
    rf"(?<!\S)(?:\w\s+){{0,40}}\S+(?:\s+{_JOINED}\s+\S+){{0,8}}\s+arroba"
    r"\s+\S+(?:\s+punto\s+\S+){0,8}",
    re.IGNORECASE,
)
_ALREADY_HIDDEN = re.compile(r"\*{6,}\d{0,2}")


def mask_text(text: str, *, masks: Collection[str]) -> str:
    """Return `text` with what the masks name hidden; hiding twice is hiding once."""
    if EMAIL in masks:
        text = _EMAIL.sub(lambda found: _hidden_email(found[0]), text)
        text = _SPOKEN_EMAIL.sub(lambda found: _hidden_spoken_email(found[0]), text)
    return hide_numbers(text, masks=masks)


def mask_arguments(arguments: Mapping[str, Any], *, masks: Collection[str]) -> dict[str, Any]:
    """Return a tool's arguments with what the masks name hidden, by the names of fields and by pattern."""
    return {name: _masked(value, _mask_of(name), masks) for name, value in arguments.items()}


def _masked(value: Any, mask: str | None, masks: Collection[str]) -> Any:
    """Return a value hidden as its field's mask says; without one, as text is."""
    match value:
        case Mapping():
            return {name: _masked(v, _mask_of(name) or mask, masks) for name, v in value.items()}
        case list() | tuple():
            return [_masked(each, mask, masks) for each in value]
        case bool() | None:
            return value
        case _ if mask is not None and mask in masks:
            return _hidden(str(value), mask)
        case str():
            return mask_text(value, masks=masks)
        case _:
            return value


def _mask_of(field: str) -> str | None:
    """Return the mask of what a field of that name holds, or None."""
    name = "".join(normalized_name(field))
    return next((mask for mask, parts in FIELDS.items() if any(p in name for p in parts)), None)


def _hidden(value: str, mask: str) -> str:
    """Return the value of a field that is known to hold such a thing, however it is written."""
    if mask == EMAIL:
        return _hidden_email(value)
    if _ALREADY_HIDDEN.fullmatch(value) or not value:
        return value
    return (mask_dni(value) if digits(value) else None) or HIDDEN


def _hidden_email(address: str) -> str:
    local, at, domain = address.rpartition("@")
    if not at:
        return _beginning(address)
    _, dot, last = domain.rpartition(".")
    return f"{_beginning(local)}@{_beginning(domain)}{dot}{last if dot else ''}"


def _hidden_spoken_email(spoken: str) -> str:
    local, domain = re.split(r"\s+arroba\s+", spoken, maxsplit=1, flags=re.IGNORECASE)
    parts = re.split(r"(\s+punto\s+)", domain, flags=re.IGNORECASE)
    _, dot, last = parts[0].rpartition(".")
    end = "".join(parts[-2:]) if len(parts) > 1 else f"{dot}{last if dot else ''}"
    return f"{_beginning(local)} arroba {_beginning(domain)}{end}"


def _beginning(text: str) -> str:
    return f"{text[:1]}***" if text else ""
