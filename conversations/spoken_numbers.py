"""Find and mask identity and telephone numbers in what people say. Pure.

A transcript contains a number as it was dictated: `12345678`, `12.345.678`, `12 345 678`, `1 2 3 4
…`, `doce, treinta y cuatro …`. Digits and number words that follow each other are parsed as one
**run** of groups, and the total number of digits decides what it is. A group of five digits or more may
be an order or appointment number that was dictated beside another number, so it stands alone, unless the
whole run has as many digits as an identity number and nothing before it says what else it counts.

Seven or eight digits are an identity number or a local telephone number. More digits are a
telephone, card or account number, all masked alike. Prices, dates and times are not masked: they
are recognized by the text around them and by the range of days and months.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from common.identity.verification import mask_dni
from common.spoken_numbers import (
    HUNDRED_WORDS,
    HUNDREDS,
    MILLIONS,
    TEEN_WORDS,
    TEN_WORDS,
    THOUSAND,
    UNIT_WORDS,
    next_group,
)
from common.text import fold

DNI = "dni"
PHONE = "phone"

MIN_DIGITS = 7
MAX_DNI_DIGITS = 8
MAX_PHONE_DIGITS = 13
MIN_STANDALONE_DIGITS = 5
"""So many digits are a number by themselves; order and appointment numbers have five or six."""
MASK = "******"
HESITATIONS = frozenset(
    {"eh", "em", "mmm", "este", "coma", "punto", "guion", "despues", "luego", "bueno", "a", "ver"}
)
FILLERS = HESITATIONS | {",", ".", "-", "y"}
"""What people say between the groups of a number."""
MILLION_WORDS = frozenset(MILLIONS)
LARGE_WORDS = MILLION_WORDS | {*HUNDREDS, THOUSAND}
_WORD_OR_SIGN = re.compile(r"\w+|[,.:/-]")

_DIGITS = {
    fold(word): str(number)
    for first, words in ((0, UNIT_WORDS), (10, TEEN_WORDS))
    for number, word in enumerate(words, start=first)
} | {word: str(number) for number, word in zip(range(30, 100, 10), TEN_WORDS, strict=True)}
"""The digits of the numbers that are one word."""


def _any_of(words: Collection[str]) -> str:
    spelt = {*words, *map(fold, words)}
    return "|".join(sorted(spelt, key=len, reverse=True))


_BLANK = "[ \t\u00a0\u202f]"
_GAP = r"\s{1,4}"
_DASH = "[-\u2010-\u2015]"
_OTHER_SIGN = r"\s{0,2}[/·_:|]\s{0,2}(?=\d{3}(?!\d))"
"""Signs that also stand in dates and times, where no three digits follow them."""
_WORD = rf"(?:{_any_of(TEN_WORDS)})(?:{_BLANK}+y{_BLANK}+(?:{_any_of(UNIT_WORDS[1:])}))?"
_WORD = rf"(?<!\w)(?:{_WORD}|{_any_of([*UNIT_WORDS, *TEEN_WORDS])})(?!\w)"
_GROUP = re.compile(rf"\d+|{_WORD}", re.IGNORECASE)
_BETWEEN = (
    rf"(?:{_GAP}|\.|{_DASH}|,{_GAP}|{_BLANK}{_DASH}{_BLANK}|\)[ -]?|{_BLANK}\(|{_OTHER_SIGN})"
)
_RUN = re.compile(
    rf"(?<![\d*])\+?(?:{_GROUP.pattern})(?:{_BETWEEN}(?:{_GROUP.pattern}))*", re.IGNORECASE
)
_ANY_NUMBER_WORD = (
    rf"(?:\d{{1,3}}|mil|y|{_any_of([*_DIGITS, *TEEN_WORDS, 'cien', *HUNDRED_WORDS])})"
)
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
_COUNTED_BEFORE = re.compile(
    r"\b(?:(?P<personal>dni|documento|c[eé]dula|libreta|cui[tl]|identidad)"
    r"|(?P<phone>tel[eé]fono|tel|celular|celu|cel|m[oó]vil|whatsapp|llam\w*)"
    r"|(?:pedido|orden|turno|cita|compra|factura|reserva|c[oó]digo|cliente|env[ií]o|seguimiento|"
    r"precio|total|son|cuesta\w*|sale|vale|pag\w+|cobr\w+)s?)\b",
    re.IGNORECASE,
)
"""Words that say what a number is: an identity number, a telephone number, or something else."""
_CONTEXT_LENGTH = 60
"""So many characters before a number are searched for such a word; the last one counts."""
_TRACKING_BEFORE = re.compile(r"trk\W?$", re.IGNORECASE)
_PHONE_CHARACTERS = frozenset("+-()")


@dataclass(frozen=True, slots=True)
class _Group:
    start: int
    end: int
    digits: str


def mask_numbers(text: str, *, masks: Collection[str]) -> str:
    """Return `text` with identity and telephone numbers masked except for their last two digits."""
    if DNI in masks:
        text = _MILLIONS.sub(_masked_millions, text)
    text = _mask_dictated(text, masks)
    parts: list[str] = []
    done = 0
    for run in _RUN.finditer(text):
        for number in _numbers_of_run(text, run):
            start, end = number[0].start, number[-1].end
            if start == run.start() + 1 and text[run.start()] == "+":
                start = run.start()
            if _is_identifying(text, number, text[start:end], masks):
                digits = "".join(group.digits for group in number)
                parts += [text[done:start], mask_dni(digits) or ""]
                done = end
    return "".join([*parts, text[done:]])


def _masked_millions(match: re.Match[str]) -> str:
    is_amount = _CURRENCY_AFTER.match(match.string, match.end())
    return match[0] if is_amount else MASK


# --- Numbers in words, as people dictate them: "treinta y dos cuatrocientos cincuenta seiscientos doce"


def _mask_dictated(text: str, masks: Collection[str]) -> str:
    """Mask the runs of number words, with the fillers between them, that are of seven digits or more.

    Runs of digits and of words below a hundred are left to the caller, which keeps their last digits.
    """
    words = list(_WORD_OR_SIGN.finditer(text))
    plain = [fold(each[0]) for each in words]
    parts, done, index = [], 0, 0
    while index < len(words):
        end, groups = _dictated_run(plain, index)
        if not groups:
            index += 1
            continue
        start_at, end_at = words[index].start(), words[end - 1].end()
        is_amount = _has_currency(text, start_at, end_at)
        if not is_amount and _is_dictated_number(plain[index:end], groups, masks):
            parts += [text[done:start_at], MASK]
            done = end_at
        index = end
    return "".join([*parts, text[done:]])


def _dictated_run(plain: Sequence[str], start: int) -> tuple[int, list[str]]:
    """Return where the run of numbers that begins at a word ends, and the digits of its groups."""
    groups: list[str] = []
    index = end = start
    while index < len(plain):
        group = next_group(plain, index)
        if group is not None:
            groups.append(group.digits)
            index = end = group.end
        elif groups and plain[index] in FILLERS:
            index += 1
        else:
            break
    return end, groups


def _is_dictated_number(
    plain: Sequence[str], groups: Sequence[str], masks: Collection[str]
) -> bool:
    """Whether a run in words is an identity or telephone number, and no date, price or list."""
    count = sum(map(len, groups))
    if count < MIN_DIGITS or _is_date_or_years(groups):
        return False
    is_all_round = all(each.endswith("00") for each in groups)
    if not MILLION_WORDS.isdisjoint(plain):
        return DNI in masks and not is_all_round
    lengths = [len(each) for each in groups]
    has_shape = "y" in plain and lengths[0] <= 2 and lengths[1:] == [3, 3]
    if HESITATIONS.isdisjoint(plain) and LARGE_WORDS.isdisjoint(plain) and not has_shape:
        return False  # the caller masks these, and keeps their last digits
    is_another_number = any(MIN_STANDALONE_DIGITS <= len(each) < MIN_DIGITS for each in groups[1:])
    if is_another_number or is_all_round:
        return False
    return PHONE in masks if count > MAX_DNI_DIGITS else DNI in masks


# --- Runs


def _numbers_of_run(text: str, run: re.Match[str]) -> Iterator[list[_Group]]:
    """Yield the groups of a run that form one number; after a plus sign, all of them do."""
    groups = list(_groups(text, run))
    is_one = run[0][0] == "+" or _is_one_number(text, run.start(), groups)
    number: list[_Group] = []
    for group in groups:
        if is_one or len(group.digits) < MIN_STANDALONE_DIGITS:
            number.append(group)
            continue
        if number:
            yield number
        yield [group]
        number = []
    if number:
        yield number


def _is_one_number(text: str, start: int, groups: Sequence[_Group]) -> bool:
    """Whether all groups of a run are one number, although one has five or six digits: `32450 612`."""
    if any(len(group.digits) >= MIN_DIGITS for group in groups):
        return False
    words = list(_COUNTED_BEFORE.finditer(text, max(0, start - _CONTEXT_LENGTH), start))
    kind = words[-1].lastgroup if words else "personal"
    count = sum(len(group.digits) for group in groups)
    return (kind == "personal" and MIN_DIGITS <= count <= MAX_DNI_DIGITS) or (
        kind == "phone" and MIN_DIGITS <= count <= MAX_PHONE_DIGITS
    )


def _groups(text: str, run: re.Match[str]) -> Iterator[_Group]:
    for match in _GROUP.finditer(text, run.start(), run.end()):
        yield _Group(match.start(), match.end(), _digits(match[0]))


def _digits(group: str) -> str:
    if group[0].isdecimal():
        return group
    words = fold(group).split()
    return _DIGITS[words[0]][0] + _DIGITS[words[2]] if len(words) == 3 else _DIGITS[words[0]]


def _is_identifying(
    text: str, number: Sequence[_Group], written: str, masks: Collection[str]
) -> bool:
    """Whether one of the masks applies to a number, which stands in the text as `written`."""
    count = sum(len(group.digits) for group in number)
    if count < MIN_DIGITS or _is_excluded(text, number):
        return False
    if count > MAX_DNI_DIGITS:
        return PHONE in masks
    return DNI in masks or (PHONE in masks and not _PHONE_CHARACTERS.isdisjoint(written))


# --- Numbers that are not masked


def _is_excluded(text: str, number: Sequence[_Group]) -> bool:
    """Whether a number is a date, an amount of money or a tracking number."""
    digits = [group.digits for group in number]
    start, end = number[0].start, number[-1].end
    return (
        _is_date_or_years(digits)
        or (_has_thousands_groups(digits) and _has_currency(text, start, end))
        or _TRACKING_BEFORE.search(text[max(0, start - 4) : start]) is not None
    )


def _is_date_or_years(digits: Sequence[str]) -> bool:
    """Whether the groups are a date, with or without a time, or two years."""
    if len(digits) == 2:
        return all(map(_is_year, digits))
    day_first = digits[:3]
    year_first = [*digits[2::-1]]
    is_date = any(_is_date(*parts) for parts in (day_first, year_first) if len(parts) == 3)
    return is_date and all(len(part) <= 2 for part in digits[3:]) and len(digits) <= 6


def _is_date(day: str, month: str, year: str) -> bool:
    is_short = len(day) <= 2 and len(month) <= 2
    return is_short and 1 <= int(day) <= 31 and 1 <= int(month) <= 12 and _is_year(year)


def _is_year(digits: str) -> bool:
    return len(digits) == 4 and digits[:2] in {"19", "20"}


def _has_thousands_groups(digits: Sequence[str]) -> bool:
    """Whether the groups are written as one number, 1234 or 1.234.567."""
    return len(digits) == 1 or all(len(group) == 3 for group in digits[1:])


def _has_currency(text: str, start: int, end: int) -> bool:
    before = _CURRENCY_BEFORE.search(text[max(0, start - 6) : start])
    return before is not None or _CURRENCY_AFTER.match(text, end) is not None
