"""Read numbers that are spoken in Spanish: `treinta y dos mil` is 32000. Pure.

A sequence of number words is read as **groups**: each is the longest number that the words form. "Treinta
y dos cuatrocientos cincuenta seiscientos doce" is three groups, 32, 450 and 612, as people dictate an
identity number. Words in digits (`15`) are numbers like any other.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from common.text import fold

UNIT_WORDS = ["cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"]
TEEN_WORDS = [
    "diez", "once", "doce", "trece", "catorce", "quince", "dieciséis", "diecisiete", "dieciocho",
    "diecinueve", "veinte", "veintiuno", "veintidós", "veintitrés", "veinticuatro", "veinticinco",
    "veintiséis", "veintisiete", "veintiocho", "veintinueve",
]  # fmt: skip
"""10 to 29, each a word of its own."""
TEN_WORDS = ["treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa"]
HUNDRED_WORDS = [
    "ciento", "doscientos", "trescientos", "cuatrocientos", "quinientos", "seiscientos",
    "setecientos", "ochocientos", "novecientos",
]  # fmt: skip

UNITS = {word: value for value, word in enumerate(UNIT_WORDS)} | {"un": 1, "una": 1}
TEENS = {fold(word): value for value, word in enumerate(TEEN_WORDS, start=10)} | {
    "veintiun": 21,
    "veintiuna": 21,
}
TENS = {word: value for value, word in zip(range(30, 100, 10), TEN_WORDS, strict=True)}
HUNDREDS = {word: value for value, word in zip(range(100, 1000, 100), HUNDRED_WORDS, strict=True)}
HUNDREDS |= {word[:-2] + "as": value for word, value in HUNDREDS.items() if value > 100}
HUNDREDS |= {"cien": 100}
THOUSAND = "mil"
MILLIONS = ("millon", "millones")
ARTICLES = ("un", "una")
"""Number words that are mostly articles."""

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class NumberGroup:
    """One number within a sequence of words.

    Attributes:
        start: Index of its first word.
        end: Index after its last word.
        digits: The number in digits; of a word that is in digits already, those, zeros included.

    """

    start: int
    end: int
    digits: str


def parse_whole_number(text: str) -> int | None:
    """Return the number that the whole text is, in digits or words, or None: `treinta y dos` is 32."""
    words = _WORD.findall(fold(text))
    group = next_group(words, 0)
    return int(group.digits) if group and group.end == len(words) else None


def parse_dictated_digits(text: str) -> str | None:
    """Return the digits that the whole text dictates, or None: `doce treinta y cuatro` is 1234."""
    words = _WORD.findall(fold(text))
    digits, index = "", 0
    while index < len(words):
        group = next_group(words, index)
        if group is None:
            return None
        digits, index = digits + group.digits, group.end
    return digits or None


def next_group(words: Sequence[str], start: int) -> NumberGroup | None:
    """Return the longest number that begins with the word at `start`, or None.

    Args:
        words: Words in lower case, without accents.
        start: Index of the first word.

    """
    if start < len(words) and words[start].isdecimal() and words[start].isascii():
        return _group_in_digits(words, start)
    value, end = _read_millions(words, start)
    return NumberGroup(start, end, str(value)) if end > start else None


def _group_in_digits(words: Sequence[str], start: int) -> NumberGroup:
    """Return a number in digits, with the thousands and millions that follow: `32 mil` is 32000."""
    if _word(words, start + 1) in {THOUSAND, *MILLIONS}:
        value, end = _read_millions(words, start)
        if end > start:
            return NumberGroup(start, end, str(value))
    return NumberGroup(start, start + 1, words[start])


# Each function below returns the number that begins at `start`, and the index after it; the index is
# `start` if no number begins there.


def _read_millions(words: Sequence[str], start: int) -> tuple[int, int]:
    value, end = _read_thousands(words, start)
    if end > start and _word(words, end) in MILLIONS:
        rest, rest_end = _read_thousands(words, end + 1)
        return value * 1_000_000 + rest, rest_end
    return value, end


def _read_thousands(words: Sequence[str], start: int) -> tuple[int, int]:
    value, end = _read_hundreds(words, start)
    if _word(words, end) == THOUSAND and (end == start or 0 < value < 1000):
        rest, rest_end = _read_hundreds(words, end + 1)
        return (value or 1) * 1000 + rest, rest_end
    return value, end


def _read_hundreds(words: Sequence[str], start: int) -> tuple[int, int]:
    word = _word(words, start)
    if len(word) <= 3 and word.isdecimal():
        return int(word), start + 1
    if word not in HUNDREDS:
        return _read_tens(words, start)
    rest, end = _read_tens(words, start + 1)
    if word == "cien" or rest == 0:  # "doscientos cero" is two numbers
        return HUNDREDS[word], start + 1
    return HUNDREDS[word] + rest, end


def _read_tens(words: Sequence[str], start: int) -> tuple[int, int]:
    word = _word(words, start)
    if word in TENS:
        unit = _word(words, start + 2)
        if _word(words, start + 1) == "y" and UNITS.get(unit, 0) > 0:
            return TENS[word] + UNITS[unit], start + 3
        return TENS[word], start + 1
    for values in (TEENS, UNITS):
        if word in values:
            return values[word], start + 1
    return 0, start


def _word(words: Sequence[str], index: int) -> str:
    return words[index] if index < len(words) else ""
