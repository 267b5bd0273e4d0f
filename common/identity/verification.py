"""Compare what a caller says of themselves with what a record says of its owner. Pure.

A customer proves who they are by their name, identity number (DNI), e-mail address or its first letters,
or the code of an appointment. A `FactorRule` says which of them are enough. All factors that are given
must be right: a right name doesn't make up for a wrong number. A name that is only near
(`common.identity.names`) counts together with another factor. An empty value proves nothing.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from common.identity.names import NameMatch, compare_names, letters_of
from common.spoken_numbers import parse_dictated_digits
from common.text import fold

MIN_EMAIL_LETTERS = 4
"""So many first letters of an e-mail address are a factor; the part before the @ may be shorter."""
_DNI_SEPARATORS = dict.fromkeys(map(ord, " .-"))
SPOKEN_LETTERS: Mapping[str, str] = {
    **dict.fromkeys(("be", "bé", "b larga", "be larga"), "b"),
    **dict.fromkeys(("ve corta", "uve", "ve"), "v"),
    **dict.fromkeys(("doble ve", "ve doble", "doble u"), "w"),
    **dict.fromkeys(("i griega", "ye"), "y"),
    "a": "a", "ce": "c", "de": "d", "e": "e", "efe": "f", "ge": "g", "hache": "h", "i": "i",
    "i latina": "i", "jota": "j", "ka": "k", "ele": "l", "eme": "m", "ene": "n", "o": "o", "pe": "p",
    "cu": "q", "erre": "r", "ere": "r", "ese": "s", "te": "t", "u": "u", "equis": "x", "zeta": "z",
}  # fmt: skip
"""The letters by their names, in the form of `fold`."""
_SPOKEN_SIGNS: Mapping[str, str] = {
    "guion bajo": "_", "guion medio": "-", "guion": "-", "punto": ".", "arroba": "@",
}  # fmt: skip


def _one_of(names: Mapping[str, str]) -> str:
    return "(?:" + "|".join(sorted(names, key=len, reverse=True)) + ")"


_LETTER = rf"(?:{_one_of(SPOKEN_LETTERS)}|[a-z0-9])"
_SPELLED = re.compile(rf"\b{_LETTER}(?:[\s,]+{_LETTER})+\b")
_SIGN = re.compile(rf"\s*\b{_one_of(_SPOKEN_SIGNS)}\b\s*")
_ONE_LETTER = re.compile(_LETTER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """A member of the staff, who may read and change every record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A customer, by what they say of themselves, and where they call from.

    `email` may be an address or its first letters; `address` is their network address.
    """

    name: str | None = None
    dni: str | None = None
    email: str | None = None
    code: str | None = None
    call_id: str | None = None
    address: str | None = None


type Caller = Staff | Customer


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """What a record says of the person it belongs to."""

    name: str
    dni: str | None = None
    email: str | None = None
    code: str | None = None


class Factor(StrEnum):
    """What can prove who a customer is."""

    NAME = "name"
    DNI = "dni"
    EMAIL = "email"
    CODE = "code"


class FactorRule(StrEnum):
    """Which factors are enough."""

    NAME_OR_DNI = "name or dni"
    NAME = "name"
    NAME_AND_OTHER = "name+other"
    NAME_AND_DNI = "name+dni"
    NAME_AND_EMAIL = "name+email"
    CODE = "code"

    def accepted_factors(self, owner: Owner | None) -> tuple[Factor, ...]:
        """Return the factors of which the rule needs one beside the name; none if it needs no other.

        Of several, a record's rule needs the first that the record has. Without a record, the method
        returns all that a record may need.
        """
        factors = _BESIDE_NAME[self]
        if owner is None or self is FactorRule.NAME_AND_OTHER:
            return factors
        stored = {Factor.DNI: owner.dni, Factor.EMAIL: owner.email, Factor.CODE: owner.code}
        return tuple(factor for factor in factors if stored[factor])[:1] or factors

    def stricter(self) -> "FactorRule":
        """Return the rule that also needs another factor beside the name."""
        return self if self.accepted_factors(None) else FactorRule.NAME_AND_OTHER


_BESIDE_NAME: Mapping[FactorRule, tuple[Factor, ...]] = {
    FactorRule.NAME_OR_DNI: (),
    FactorRule.NAME: (),
    FactorRule.NAME_AND_OTHER: (Factor.DNI, Factor.EMAIL, Factor.CODE),
    FactorRule.NAME_AND_DNI: (Factor.DNI, Factor.EMAIL),
    FactorRule.NAME_AND_EMAIL: (Factor.EMAIL,),
    FactorRule.CODE: (Factor.CODE, Factor.DNI, Factor.EMAIL),
}


class Verification(Enum):
    """How a verification ended."""

    VERIFIED = auto()
    UNPROVEN = auto()
    """Nothing that the caller said is wrong, but it isn't enough."""
    CONTRADICTED = auto()
    """Something that the caller said is wrong."""


def offered_factors(customer: Customer) -> frozenset[Factor]:
    """Return which factors a customer offers, right or wrong."""
    offered = {
        Factor.NAME: letters_of(customer.name or ""),
        Factor.DNI: digits(customer.dni or ""),
        Factor.EMAIL: parse_spoken_email(customer.email or ""),
        Factor.CODE: digits(customer.code or ""),
    }
    return frozenset(factor for factor, value in offered.items() if value)


def missing_factors(customer: Customer, rule: FactorRule) -> tuple[Factor, ...]:
    """Return the factors of which the customer must offer one before any record can be verified."""
    offered = offered_factors(customer)
    if rule is FactorRule.NAME_OR_DNI:
        return () if offered & {Factor.NAME, Factor.DNI} else (Factor.NAME, Factor.DNI)
    if Factor.NAME not in offered:
        return (Factor.NAME,)
    accepted = rule.accepted_factors(None)
    return () if not accepted or offered & {*accepted} else accepted


def factors_to_ask_for(caller: Caller, rule: FactorRule) -> list[Factor]:
    """Return other factors that a customer who couldn't be verified may offer, whatever the record."""
    if isinstance(caller, Staff):
        return []
    offered = offered_factors(caller)
    needed = rule.accepted_factors(None)
    if needed:
        # The record may have no identity number, so the right one isn't enough.
        return [factor for factor in needed if factor not in offered]
    return [] if len(offered) > 1 else [p for p in (Factor.DNI, Factor.EMAIL) if p not in offered]


def verify(customer: Customer, owner: Owner, rule: FactorRule) -> Verification:
    """Return whether the customer is the owner, as far as the rule demands factors of it."""
    spoken = customer.name or ""
    name = compare_names(spoken, owner.name) if letters_of(spoken) else None
    results = _results_besides_name(customer, owner)
    if name is NameMatch.DIFFERENT or False in results.values():
        return Verification.CONTRADICTED
    right = {factor for factor, result in results.items() if result}
    needed = rule.accepted_factors(owner)
    if needed:
        is_enough = name is not None and bool(right & {*needed})
    else:
        is_named = name is NameMatch.SAME or (name is NameMatch.NEAR and bool(right))
        is_enough = is_named or (rule is FactorRule.NAME_OR_DNI and Factor.DNI in right)
    return Verification.VERIFIED if is_enough else Verification.UNPROVEN


def _results_besides_name(customer: Customer, owner: Owner) -> dict[Factor, bool]:
    """Return which offered factors are right; those that the record can't confirm are left out."""
    offered = offered_factors(customer)
    results = {}
    if Factor.DNI in offered and owner.dni:
        results[Factor.DNI] = is_same_dni(customer.dni or "", owner.dni)
    if Factor.EMAIL in offered and owner.email:
        results[Factor.EMAIL] = matches_email(customer.email or "", owner.email)
    if Factor.CODE in offered and owner.code:
        results[Factor.CODE] = is_same_dni(customer.code or "", owner.code)
    return results


# --- Single factors


def is_same_dni(a: str, b: str) -> bool:
    """Whether two identity numbers have the same digits: "12.345.678" and "12345678" do."""
    return digits(a) == digits(b) != ""


def matches_email(spoken: str, stored: str) -> bool:
    """Whether `spoken` is the e-mail address `stored`, or its first letters, in whatever form.

    "juan.perez@…", "juan punto perez", "jota u a ene" and "Juan" prove juan.perez@email.com. Only
    letters and digits count. At least `MIN_EMAIL_LETTERS`, or all before the @, must be given.
    """
    spoken_letters = re.sub(r"[^a-z0-9]", "", parse_spoken_email(spoken))
    stored_letters = re.sub(r"[^a-z0-9]", "", fold(stored))
    before_at = re.sub(r"[^a-z0-9]", "", fold(stored.partition("@")[0]))
    needed = min(MIN_EMAIL_LETTERS, len(before_at))
    return bool(needed) and (
        len(spoken_letters) >= needed and stored_letters.startswith(spoken_letters)
    )


def parse_spoken_email(text: str) -> str:
    """Return an e-mail address, or its first letters, as it is written: `jota a punto pe` is `ja.pe`."""
    written = _SIGN.sub(lambda match: _SPOKEN_SIGNS[match[0].strip()], fold(text.strip()))
    written = _SPELLED.sub(_join_spelled, written)
    return re.sub(r"[^a-z0-9@._+-]", "", written)


def _join_spelled(match: re.Match[str]) -> str:
    return "".join(SPOKEN_LETTERS.get(each, each) for each in _ONE_LETTER.findall(match[0]))


def digits(text: str) -> str:
    """Return the decimal digits of `text`, as ASCII; of a number in words, its digits."""
    found = "".join(c for c in unicodedata.normalize("NFKC", text) if c in "0123456789")
    return found or parse_dictated_digits(text) or ""


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
