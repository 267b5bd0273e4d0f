"""Finds the duration of an appointment: "45 minutos", "media hora", "una hora y media"."""

from collections.abc import Sequence

from nova_sonic_simulator.dialogue.nlu.tokens import (
    Token,
    matches,
    number_at,
    without,
    word_at,
    words,
)

PHRASES_MIN = {
    "una hora y media": 90,
    "hora y media": 90,
    "media hora": 30,
    "tres cuartos de hora": 45,
    "3 cuartos de hora": 45,
    "una hora": 60,
}
MINUTES = words("minuto minutos min mins")
HOURS = words("hora horas")
LONGEST_HOURS = 4
LONGEST_MIN = 480
# "A las 2 horas" is a time, "dentro de 2 horas" is relative.
NOT_BEFORE_A_DURATION = words("las la dentro y")


def find_duration(tokens: Sequence[Token]) -> tuple[int | None, list[Token]]:
    """Return the duration in minutes, and the tokens with a gap in its place."""
    for index in range(len(tokens)):
        minutes, end = _duration_at(tokens, index)
        if minutes and word_at(tokens, index - 1) not in NOT_BEFORE_A_DURATION:
            return minutes, without(tokens, index, end)
    return None, list(tokens)


def _duration_at(tokens: Sequence[Token], index: int) -> tuple[int, int]:
    for phrase, minutes in PHRASES_MIN.items():
        if matches(tokens, index, phrase):
            return minutes, index + len(phrase.split())
    figures, unit = number_at(tokens, index)[:6], word_at(tokens, index + 1)
    if unit in MINUTES and figures and int(figures) <= LONGEST_MIN:
        return int(figures), index + 2
    if unit in HOURS and figures and int(figures) <= LONGEST_HOURS:
        return 60 * int(figures), index + 2
    return 0, index
