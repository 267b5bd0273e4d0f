"""Numbers that tell who somebody is, in what people say: found and hidden. Pure.

A transcript writes a number as it was dictated: `12345678`, `12.345.678`, `12 345 678`, `1 2 3 4 …`,
`doce, treinta y cuatro …`. So digits and number words that follow one another are read as one **run** of
groups, and judged by how many digits they have together. A group of five or six digits stands alone: it
is an order's or an appointment's number, dictated beside something else.

Seven or eight digits are an identity number, or a local telephone number; more are a telephone number, or
a card's or an account's, which are hidden alike. Prices, dates and times aren't: they are known by what
stands around them, and by what days and months there are.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from common.identity.verification import mask_dni

DNI = "dni"
PHONE = "phone"

FEWEST_DIGITS = 7
MOST_DIGITS_OF_DNI = 8
DIGITS_OF_OUR_NUMBERS = range(5, 7)
HIDDEN = "******"

_UNITS = ["cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"]
_TEENS = [
    "diez", "once", "doce", "trece", "catorce", "quince", "dieciséis", "diecisiete",
    "dieciocho", "diecinueve",
]  # fmt: skip
_TWENTIES = [
    "veinte", "veintiuno", "veintidós", "veintitrés", "veinticuatro", "veinticinco",
    "veintiséis", "veintisiete", "veintiocho", "veintinueve",
]  # fmt: skip
_TENS = ["treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa"]
_HUNDREDS = [
    "cien", "ciento", "doscientos", "trescientos", "cuatrocientos", "quinientos", "seiscientos",
    "setecientos", "ochocientos", "novecientos",
]  # fmt: skip


_WITHOUT_ACCENTS = str.maketrans("áéíóú", "aeiou")


def _plain(word: str) -> str:
    return word.lower().translate(_WITHOUT_ACCENTS)


_DIGITS = {
    **{_plain(word): str(number) for number, word in enumerate(_UNITS)},
    **{_plain(word): str(number) for number, word in enumerate([*_TEENS, *_TWENTIES], start=10)},
    **{word: str(number) for number, word in zip(range(30, 100, 10), _TENS, strict=True)},
}
"""What is dictated as one word, as digits."""


def _any_of(words: Collection[str]) -> str:
    spelt = {*words, *map(_plain, words)}
    return "|".join(sorted(spelt, key=len, reverse=True))


_BLANK = "[ \t\u00a0\u202f]"
_WORD = rf"(?:{_any_of(_TENS)})(?:{_BLANK}+y{_BLANK}+(?:{_any_of(_UNITS[1:])}))?"
_WORD = rf"(?<!\w)(?:{_WORD}|{_any_of([*_UNITS, *_TEENS, *_TWENTIES])})(?!\w)"
_GROUP = re.compile(rf"\d+|{_WORD}", re.IGNORECASE)
_BETWEEN = rf"(?:{_BLANK}{{1,2}}|[.-]|,{_BLANK}{{1,2}}|{_BLANK}-{_BLANK}|\)[ -]?|{_BLANK}\()"
_RUN = re.compile(
    rf"(?<![\d*])\+?(?:{_GROUP.pattern})(?:{_BETWEEN}(?:{_GROUP.pattern}))*", re.IGNORECASE
)
_ANY_NUMBER_WORD = rf"(?:\d{{1,3}}|mil|y|{_any_of([*_DIGITS, *_TEENS, *_TWENTIES, *_HUNDREDS])})"
_MILLIONS = re.compile(
    rf"(?<![\w*])(?:{_ANY_NUMBER_WORD}{_BLANK}+){{1,12}}mill(?:ones|ón|on)"
    rf"(?:,?{_BLANK}+{_ANY_NUMBER_WORD}(?!\w))+",
    re.IGNORECASE,
)
_CURRENCY_BEFORE = re.compile(r"(?:\$|\b(?:usd|ars)|€)\s*$", re.IGNORECASE)
_CURRENCY_AFTER = re.compile(
    r"(?:[.,]\d{1,2}(?!\d)|\s*(?:\$|€|(?:de\s+)?(?:pesos?|d[oó]lar(?:es)?|usd|ars|euros?)\b))",
    re.IGNORECASE,
)
_TRACKING_BEFORE = re.compile(r"trk\W?$", re.IGNORECASE)
_PHONE_SIGNS = frozenset("+-()")


@dataclass(frozen=True, slots=True)
class _Group:
    start: int
    end: int
    digits: str


def hide_numbers(text: str, *, masks: Collection[str]) -> str:
    """Return `text` with identity and telephone numbers hidden but for their last two digits."""
    if DNI in masks:
        text = _MILLIONS.sub(_hidden_millions, text)
    parts, done = [], 0
    for run in _RUN.finditer(text):
        for piece in _pieces(text, run):
            start = piece[0].start - (
                text[run.start()] == "+" and piece[0].start == run.start() + 1
            )
            if _is_telling(text, piece, text[start : piece[-1].end], masks):
                digits = "".join(group.digits for group in piece)
                parts += [text[done:start], mask_dni(digits) or ""]
                done = piece[-1].end
    return "".join([*parts, text[done:]])


def _hidden_millions(found: re.Match[str]) -> str:
    return found[0] if _CURRENCY_AFTER.match(found.string, found.end()) else HIDDEN


# --- Runs


def _pieces(text: str, run: re.Match[str]) -> Iterator[list[_Group]]:
    """Yield the groups of a run that belong together; after a plus sign, all do."""
    piece: list[_Group] = []
    for group in _groups(text, run):
        stands_alone = len(group.digits) >= DIGITS_OF_OUR_NUMBERS.start and run[0][0] != "+"
        if stands_alone and piece:
            yield piece
            piece = []
        piece.append(group)
        if stands_alone:
            yield piece
            piece = []
    if piece:
        yield piece


def _groups(text: str, run: re.Match[str]) -> Iterator[_Group]:
    for found in _GROUP.finditer(text, run.start(), run.end()):
        yield _Group(found.start(), found.end(), _digits(found[0]))


def _digits(group: str) -> str:
    if group[0].isdecimal():
        return group
    words = _plain(group).split()
    return _DIGITS[words[0]][0] + _DIGITS[words[2]] if len(words) == 3 else _DIGITS[words[0]]


def _is_telling(text: str, piece: Sequence[_Group], written: str, masks: Collection[str]) -> bool:
    """Whether the piece tells who somebody is, by a mask that is on."""
    count = sum(len(group.digits) for group in piece)
    if count < FEWEST_DIGITS or _is_something_else(text, piece):
        return False
    if count > MOST_DIGITS_OF_DNI:
        return PHONE in masks
    return DNI in masks or (PHONE in masks and not _PHONE_SIGNS.isdisjoint(written))


# --- What isn't hidden


def _is_something_else(text: str, piece: Sequence[_Group]) -> bool:
    digits = [group.digits for group in piece]
    start, end = piece[0].start, piece[-1].end
    return (
        _has_moment(digits)
        or (_is_one_number(digits) and _has_currency(text, start, end))
        or _TRACKING_BEFORE.search(text[max(0, start - 4) : start]) is not None
    )


def _has_moment(digits: Sequence[str]) -> bool:
    """Whether it is a date, perhaps with a time, or two years."""
    if len(digits) == 2:
        return all(map(_is_year, digits))
    day_first = digits[:3]
    year_first = [*digits[2::-1]]
    is_date = any(_is_date(*parts) for parts in (day_first, year_first) if len(parts) == 3)
    return is_date and all(len(part) <= 2 for part in digits[3:]) and len(digits) <= 6


def _is_date(day: str, month: str, year: str) -> bool:
    small = len(day) <= 2 and len(month) <= 2
    return small and 1 <= int(day) <= 31 and 1 <= int(month) <= 12 and _is_year(year)


def _is_year(digits: str) -> bool:
    return len(digits) == 4 and digits[:2] in {"19", "20"}


def _is_one_number(digits: Sequence[str]) -> bool:
    return len(digits) == 1 or all(len(group) == 3 for group in digits[1:])


def _has_currency(text: str, start: int, end: int) -> bool:
    before = _CURRENCY_BEFORE.search(text[max(0, start - 6) : start])
    return before is not None or _CURRENCY_AFTER.match(text, end) is not None
