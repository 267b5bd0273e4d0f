"""Mask e-mail addresses, identity numbers and telephone numbers in texts and tool arguments. Pure.

    juan.perez@email.com    j***@e***.com
    12.345.678              ******78
    +54 9 11 5555-1234      ******34

Order and appointment numbers (at most six digits), prices, dates and times are not masked. Neither
are names, because whoever may read a conversation may see whose it is. A number that is dictated in
several utterances of a customer is masked in each of them: see `mask_texts`.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from common.identity.verification import SPOKEN_LETTERS, digits, mask_dni
from common.text import split_words
from conversations.spoken_numbers import DNI, MASK, PHONE, mask_numbers

EMAIL = "email"
MASKS = frozenset({DNI, EMAIL, PHONE})
FIELD_NAME_PARTS: Mapping[str, tuple[str, ...]] = {
    DNI: ("dni", "documento", "document", "identidad", "cuit", "cuil"),
    EMAIL: ("mail", "correo"),
    PHONE: ("phone", "telefono", "celular", "movil", "mobile", "whatsapp"),
}
"""For each mask, parts of the names of fields that it masks whatever their value."""

_LOCAL_PART = r"[\w.!#$%&'/=?^`{|}~+-]"
_EMAIL = re.compile(
    rf"(?<!{_LOCAL_PART}){_LOCAL_PART}+(?:@[\w-]+(?:\.[\w-]+)*|(?: @ ?|@ )[\w-]+(?:\.[\w-]+)+)"
)
_SPOKEN_JOINER = r"(?:punto|gui[oó]n(?:\s+bajo)?|m[aá]s)"
_LETTER_NAME = "|".join(
    name for name in sorted(SPOKEN_LETTERS, key=len, reverse=True) if len(name) > 1
)
_AT = r"[\s,]{1,3}[(\[]?(?:a\s?r{1,2}oba|at(?=\s+[\w-]+\.\w))[)\]]?[\s,]{1,3}"
_SPOKEN_EMAIL = re.compile(
    rf"(?<!\S)(?:(?:\w|{_LETTER_NAME})\s+){{0,40}}\S+(?:\s+{_SPOKEN_JOINER}\s+\S+){{0,8}}{_AT}"
    r"\S+(?:[\s,]{1,3}punto\s+\S+){0,8}",
    re.IGNORECASE,
)
_EDGES = " \t\n.,;:…!?¡¿-"
"""Signs around a text that do not end a number which goes on in the next one."""
_ALREADY_MASKED = re.compile(r"\*{6,}\d{0,2}")


def mask_text(text: str, *, masks: Collection[str]) -> str:
    """Return `text` with the given masks applied; masking a masked text changes nothing."""
    if EMAIL in masks:
        text = _EMAIL.sub(lambda match: _masked_email(match[0]), text)
        text = _SPOKEN_EMAIL.sub(lambda match: _masked_spoken_email(match[0]), text)
    return mask_numbers(text, masks=masks)


def mask_texts(texts: Sequence[str], *, masks: Collection[str]) -> list[str]:
    """Return the customer's texts, one after the other, masked; also numbers that go on in the next text.

    "treinta y dos, cuatrocientos cincuenta" and "seiscientos doce" are one number.
    """
    masked = [mask_text(text, masks=masks) for text in texts]
    cores = [text.strip(_EDGES) for text in masked]
    joined = " ".join(cores)
    whole = mask_numbers(joined, masks=masks)
    first = _common_length(joined, whole)
    last = len(joined) - _common_length(joined[first:][::-1], whole[first:][::-1])
    result, start = [], 0
    for text, core in zip(masked, cores, strict=True):
        left, right = max(first - start, 0), min(last - start, len(core))
        hidden = f"{core[:left]}{MASK}{core[right:]}" if left < right else core
        result.append(text.replace(core, hidden, 1))
        start += len(core) + 1
    return result


def _common_length(a: str, b: str) -> int:
    """Return how many first characters are the same."""
    pairs = enumerate(zip(a, b, strict=False))
    return next((index for index, (x, y) in pairs if x != y), min(len(a), len(b)))


def mask_arguments(arguments: Mapping[str, Any], *, masks: Collection[str]) -> dict[str, Any]:
    """Return a tool's arguments with the masks applied, by field name and by pattern."""
    return {
        name: _masked_value(value, _mask_for_field(name), masks)
        for name, value in arguments.items()
    }


def _masked_value(value: Any, mask: str | None, masks: Collection[str]) -> Any:
    """Return a value masked by the mask of its field; without one, texts are masked by pattern."""
    match value:
        case Mapping():
            return {
                name: _masked_value(item, _mask_for_field(name) or mask, masks)
                for name, item in value.items()
            }
        case list() | tuple():
            return [_masked_value(item, mask, masks) for item in value]
        case bool() | None:
            return value
        case _ if mask is not None and mask in masks:
            return _masked_field(str(value), mask)
        case str():
            return mask_text(value, masks=masks)
        case _:
            return value


def _mask_for_field(field: str) -> str | None:
    """Return the mask for a field of this name, or None."""
    name = "".join(split_words(field))
    return next(
        (mask for mask, parts in FIELD_NAME_PARTS.items() if any(p in name for p in parts)), None
    )


def _masked_field(value: str, mask: str) -> str:
    """Return the masked value of a field that has a mask, whatever the value looks like."""
    if mask == EMAIL:
        return _masked_email(value)
    if _ALREADY_MASKED.fullmatch(value) or not value:
        return value
    masked = mask_dni(value) if digits(value) else None
    return masked or MASK


def _masked_email(address: str) -> str:
    local, at, domain = address.rpartition("@")
    if not at:
        return _first_letter(address)
    _, dot, last = domain.rpartition(".")
    return f"{_first_letter(local)}@{_first_letter(domain)}{dot}{last if dot else ''}"


def _masked_spoken_email(spoken: str) -> str:
    local, domain = re.split(_AT, spoken, maxsplit=1, flags=re.IGNORECASE)
    parts = re.split(r"([\s,]{1,3}punto\s+)", domain, flags=re.IGNORECASE)
    _, dot, last = parts[0].rpartition(".")
    end = "".join(parts[-2:]) if len(parts) > 1 else f"{dot}{last if dot else ''}"
    return f"{_first_letter(local)} arroba {_first_letter(domain)}{end}"


def _first_letter(text: str) -> str:
    return f"{text[:1]}***" if text else ""
