"""Finds identifiers: the number of an order or appointment, and a person's DNI.

Both are said digit by digit, in groups or as one number. The word before ("pedido", "DNI") says what a
number identifies; otherwise its length does: a DNI has seven or eight digits, other numbers at most six.
The last number counts, because people correct themselves.
"""

from collections.abc import Sequence

from nova_sonic_simulator.dialogue.nlu.dates import MONTH_NUMBERS
from nova_sonic_simulator.dialogue.nlu.numbers import joined_figures
from nova_sonic_simulator.dialogue.nlu.tokens import (
    Kind,
    Token,
    matches,
    number_at,
    skip,
    without,
    word_at,
    words,
)

DNI_FIGURES = (7, 8)
NUMBER_FIGURES = 6
# "DNI" as spoken, and as speech recognition writes it.
DNI_PHRASES = ("dni", "d n i", "de ni", "de ene i", "dna", "dmi", "deni", "dnei", "documento")
DNI_FILLERS = words("numero nro n es el de tiene la")
NUMBERED = words(
    "pedido pedidos orden compra cita citas turno turnos consulta sita zita numero nro n"
)
NEW = words("un una otro otra nuevo nueva")
BEFORE_NUMBER = words("numero nro n es el la id codigo")
# Words before a corrected number: "no, el dos", "perdón, la 3", "¿y el 2?".
CORRECTIONS = words("no perdon digo sino mejor y era decir")
AFTER_CORRECTION = words("el la es era quise decir perdon digo mejor")

# The digits, and the tokens with a gap in their place.
_Found = tuple[str | None, list[Token]]


def find_dni(tokens: Sequence[Token]) -> _Found:
    """Return the DNI: the number announced as one, or else one of its length."""
    for index in reversed(range(len(tokens))):
        for phrase in DNI_PHRASES:
            if matches(tokens, index, phrase):
                start = _after_fillers(tokens, index + len(phrase.split()), DNI_FILLERS)
                figures, end = joined_figures(
                    tokens, start, at_most=DNI_FIGURES[-1], group_at_most=DNI_FIGURES[-1]
                )
                if figures:
                    return figures, without(tokens, index, end)
    return _by_length(tokens)


def _by_length(tokens: Sequence[Token]) -> _Found:
    for index in range(len(tokens)):
        figures, end = joined_figures(tokens, index, at_most=DNI_FIGURES[-1])
        # "2026-11-27" has eight digits too, in groups that no DNI has.
        is_date = len(number_at(tokens, index)) == 4 and end > index + 1
        if len(figures) in DNI_FIGURES and not is_date:
            return figures, without(tokens, index, end)
    return None, list(tokens)


def find_number(tokens: Sequence[Token], *, bare: bool, after_article: bool = False) -> _Found:
    """Return the number of the order or appointment.

    Args:
        tokens: The utterance.
        bare: Whether any number is it, because a number was asked for.
        after_article: Whether "el 1" at the end of a clause is it, because a record is spoken of.
    """
    for index in reversed(range(len(tokens))):
        start = _announced_at(tokens, index)
        figures, end = joined_figures(tokens, start, at_most=NUMBER_FIGURES)
        if start and figures and not _is_date(tokens, end - 1):
            return figures, without(tokens, index, end)
    if after_article and (found := _after_article(tokens)):
        return found
    return _bare_number(tokens) if bare else (None, list(tokens))


def _after_article(tokens: Sequence[Token]) -> _Found | None:
    for index in range(1, len(tokens)):
        figures = number_at(tokens, index)
        is_last = index + 1 == len(tokens) or tokens[index + 1].kind in (Kind.PAUSE, Kind.GAP)
        article = word_at(tokens, index - 1) in {"el", "la", "del", "al"}
        if figures and len(figures) <= 3 and article and is_last and not _is_hour(tokens, index):
            return figures, without(tokens, index, index + 1)
    return None


def _announced_at(tokens: Sequence[Token], index: int) -> int:
    """Return the index of the number announced by the word at `index`, or 0."""
    word = word_at(tokens, index)
    if word in NUMBERED and word_at(tokens, index - 1) in NEW and not word_at(tokens, index + 1):
        return 0  # "un pedido, cuatro sillas": what is new has no number yet
    if word in NUMBERED:
        return _after_fillers(tokens, index + 1, BEFORE_NUMBER)
    if word in CORRECTIONS:
        start = skip(tokens, index + 1, AFTER_CORRECTION)
        return start if start > index + 1 and word_at(tokens, start - 1) in {"el", "la"} else 0
    return 0


def _after_fillers(tokens: Sequence[Token], index: int, fillers: Sequence[str]) -> int:
    while word_at(tokens, index) in fillers or _is_filler(tokens, index):
        index += 1
    return index


def _is_filler(tokens: Sequence[Token], index: int) -> bool:
    return index < len(tokens) and (
        tokens[index].kind is Kind.PAUSE or tokens[index].plain in {"#", "-"}
    )


def _is_date(tokens: Sequence[Token], index: int) -> bool:
    after = tokens[index + 1].plain if index + 1 < len(tokens) else ""
    dated = after in {"de", "del"} and word_at(tokens, index + 2) in MONTH_NUMBERS
    return dated or (after == "/" and bool(number_at(tokens, index + 2)))


def _is_hour(tokens: Sequence[Token], index: int) -> bool:
    """Return whether the number at `index` follows "a las"."""
    return word_at(tokens, index - 1) in {"las", "la"} and word_at(tokens, index - 2) == "a"


def _bare_number(tokens: Sequence[Token]) -> _Found:
    for index in range(len(tokens)):
        figures, end = joined_figures(tokens, index, at_most=NUMBER_FIGURES)
        if figures and not _is_hour(tokens, index):
            return figures, without(tokens, index, end)
    return None, list(tokens)
