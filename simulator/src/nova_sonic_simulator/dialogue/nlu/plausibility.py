"""Chooses among the transcripts that speech recognition holds possible: the one that says most to a receptionist.

The recognizer knows how words sound, not which of them are names, and prefers "Carla Poncer" to "Carla Ponce"
by a hair. Of transcripts that are about equally probable, the one with the most certain slots is right more often:
a DNI of seven or eight digits, a surname that exists, a time. Transcripts are given best first, and a tie keeps
that order.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from nova_sonic_simulator.dialogue.nlu.first_names import FIRST_NAMES
from nova_sonic_simulator.dialogue.nlu.interpretation import interpret
from nova_sonic_simulator.dialogue.nlu.surnames import listed_surname
from nova_sonic_simulator.dialogue.nlu.tokens import fold
from nova_sonic_simulator.dialogue.slots import INTENTS

# Only whether a date is found counts, not which one.
_ANY_DAY = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)


def most_plausible(transcripts: Sequence[str]) -> int:
    """Return the index of the transcript with the most certain slots; the first of equal ones."""
    scores = [certainty(text) for text in transcripts]
    return scores.index(max(scores))


def certainty(text: str) -> int:
    """Return how much of `text` is certain: one point for each slot, two for a name of known words."""
    said = interpret(text, now=_ANY_DAY)
    slots = said.slots
    found = (slots.number, slots.dni, slots.email, slots.day, slots.at)
    points = sum(slot is not None for slot in found)
    points += sum(1 for item in slots.items if item.price is not None)
    points += (said.operation, said.subject) in INTENTS
    return points + _of_name(slots.name) + _of_name(slots.doctor)


def _of_name(name: str | None) -> int:
    if not name:
        return 0
    # "Dra." is a title.
    known = all(
        word.endswith(".") or fold(word) in FIRST_NAMES or listed_surname(word)
        for word in name.split()
    )
    return 2 if known else 1
