"""Converts Spanish numbers to digits: "treinta y cinco" is 35, "12 millones 345 mil 678" is 12345678.

`with_figures` replaces number words before any other grammar runs. "Un" and "una" alone remain words,
because they are mostly articles. Digits in groups ("1, 2, 3, 4", "12 345 678") remain separate there;
`joined_figures` joins them where a number is an identifier.
"""

from collections.abc import Sequence

from nova_sonic_simulator.dialogue.nlu.dates import MONTH_NUMBERS
from nova_sonic_simulator.dialogue.nlu.tokens import Kind, Token, number_at, word_at, words

_UNITS = words("cero uno dos tres cuatro cinco seis siete ocho nueve")
_TEENS = words("diez once doce trece catorce quince dieciseis diecisiete dieciocho diecinueve")
_TWENTIES = words(
    "veinte veintiuno veintidos veintitres veinticuatro veinticinco veintiseis veintisiete"
    " veintiocho veintinueve"
)
_TENS = words("treinta cuarenta cincuenta sesenta setenta ochenta noventa")
_HUNDREDS = words(
    "ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos"
    " ochocientos novecientos"
)

UNITS = {word: value for value, word in enumerate(_UNITS)} | {"un": 1, "una": 1}
BELOW_THIRTY = {word: value for value, word in enumerate(_TEENS + _TWENTIES, start=10)} | {
    "veintiun": 21,
    "veintiuna": 21,
}
TENS = {word: 10 * value for value, word in enumerate(_TENS, start=3)}
HUNDREDS = {word: 100 * value for value, word in enumerate(_HUNDREDS, start=1)} | {"cien": 100}
FEMININE_HUNDREDS = {word[:-2] + "as": value for word, value in HUNDREDS.items() if value > 100}
# From two letters on: "I" and "V" alone may be anything.
ROMANS = {"II": 2, "III": 3, "IV": 4, "VI": 6, "VII": 7, "VIII": 8, "IX": 9, "XI": 11, "XII": 12}
MILLIONS = ("millon", "millones")
ARTICLES = ("un", "una")

# A value, and the index after its tokens.
_Read = tuple[int, int]


def with_figures(tokens: Sequence[Token]) -> list[Token]:
    """Return `tokens` with each spoken number as one number token."""
    figured = []
    index = 0
    while index < len(tokens):
        value, end = _cardinal(tokens, index)
        if end == index or _is_plain(tokens, index, end):
            figured.append(tokens[index])
            index += 1
        else:
            raw = " ".join(token.raw for token in tokens[index:end])
            figured.append(Token(Kind.NUMBER, str(value), raw, tokens[index].glued))
            index = end
    return figured


def _is_plain(tokens: Sequence[Token], start: int, end: int) -> bool:
    """Return whether the one token should stay: digits with leading zeros, or an article."""
    return end == start + 1 and (
        tokens[start].kind is Kind.NUMBER or tokens[start].plain in ARTICLES
    )


def _cardinal(tokens: Sequence[Token], start: int) -> _Read:
    millions, index = _multiplied(tokens, start, MILLIONS)
    # "Treinta millones, doscientos mil, ciento once": a pause inside so long a number ends nothing.
    thousands, end = _multiplied(tokens, _after_pause(tokens, index, millions), ("mil",))
    index = end if thousands else index
    if index == start:
        return _group(tokens, start, limit=None)
    rest, end = _group(
        tokens,
        _after_pause(tokens, index, millions),
        limit=1000 if thousands else 1_000_000,
    )
    index = end if rest else index
    return millions * 1_000_000 + thousands * 1000 + rest, index


def _after_pause(tokens: Sequence[Token], index: int, millions: int) -> int:
    """Return the index behind a comma, if `millions` came before it."""
    is_pause = index < len(tokens) and tokens[index].plain == ","
    return index + 1 if millions and is_pause else index


def _multiplied(tokens: Sequence[Token], start: int, multipliers: Sequence[str]) -> _Read:
    """Match "345 mil" or "mil": a number followed by the multiplier."""
    value, end = _group(tokens, start, limit=1000)
    if word_at(tokens, end) not in multipliers:
        return 0, start
    if end == start:
        return (1, start + 1) if multipliers == ("mil",) else (0, start)
    return value, end + 1


def _group(tokens: Sequence[Token], start: int, limit: int | None) -> _Read:
    """Match a number below 1000 in words, or digits below `limit`."""
    figures = number_at(tokens, start)
    if figures and (limit is None or (len(figures) < 8 and int(figures) < limit)):
        return int(figures[:18]), start + 1
    hundreds, index = _hundreds(tokens, start)
    below, end = _below_hundred(tokens, index)
    return hundreds + below, end


def _hundreds(tokens: Sequence[Token], start: int) -> _Read:
    word = word_at(tokens, start)
    value = HUNDREDS.get(word) or FEMININE_HUNDREDS.get(word)
    return (value, start + 1) if value else (0, start)


def _below_hundred(tokens: Sequence[Token], start: int) -> _Read:
    word = word_at(tokens, start)
    if word in TENS:
        unit = UNITS.get(word_at(tokens, start + 2), 0)
        if word_at(tokens, start + 1) == "y" and unit:
            return TENS[word] + unit, start + 3
        return TENS[word], start + 1
    if word in BELOW_THIRTY:
        return BELOW_THIRTY[word], start + 1
    if word in UNITS:
        return UNITS[word], start + 1
    return _roman(tokens, start)


def _roman(tokens: Sequence[Token], start: int) -> _Read:
    """Match "XI", which speech recognition sometimes writes for "once"."""
    raw = tokens[start].raw if start < len(tokens) else ""
    return (ROMANS[raw], start + 1) if raw in ROMANS else (0, start)


def joined_figures(
    tokens: Sequence[Token], start: int, *, at_most: int, group_at_most: int = 3
) -> tuple[str, int]:
    """Match a number in groups: "1, 2, 3", "12 345 678", "4-8-2".

    Returns:
        Its digits (at most `at_most`) and the index after them. The first group may have any length, the
        others at most `group_at_most` digits.
    """
    figures, index, end = "", start, start
    while True:
        group = number_at(tokens, index)
        fits = group and len(figures + group) <= at_most
        if not fits or (figures and (len(group) > group_at_most or _dates(tokens, index))):
            return figures, end
        figures += group
        end = index + 1
        index = end
        while index < len(tokens) and _joins(tokens[index]):
            index += 1


def _dates(tokens: Sequence[Token], index: int) -> bool:
    """Return whether the number at `index` is the day of a date: "cita 3, 27 de noviembre"."""
    return word_at(tokens, index + 1) == "de" and word_at(tokens, index + 2) in MONTH_NUMBERS


def _joins(token: Token) -> bool:
    return (token.kind is Kind.PAUSE and token.plain in {",", ".", "...", "…"}) or (
        token.kind is Kind.SIGN and token.plain == "-"
    )
