"""Infers tool results from a chat history, which holds text only.

Whether an appointment was made is visible only in "Listo, agendé la cita…". The dialogue's own sentences
(`responses`) are recognised, even if a barge-in cut them off at any word. Any other sentence after a
tool call is treated as its refusal, except sentences that only ask for patience.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from nova_sonic_simulator.dialogue.nlu.dates import find_day
from nova_sonic_simulator.dialogue.nlu.tokens import fold, tokenize
from nova_sonic_simulator.dialogue.slots import Intent, Subject
from nova_sonic_simulator.dialogue.tasks import Task

_DONE: Mapping[Intent, str] = {
    Intent.LOOK_UP_ORDER: r"pedido \d|\btotal es\b|numero de seguimiento",
    Intent.CANCEL_ORDER: r"cancele el pedido",
    Intent.CREATE_ORDER: r"cree tu pedido",
    Intent.BOOK_APPOINTMENT: r"agende la cita",
    Intent.CANCEL_APPOINTMENT: r"cancele la cita",
    Intent.RESCHEDULE_APPOINTMENT: r"quedo para",
    Intent.LOOK_UP_APPOINTMENT: r"cita \d+ (es|dura)",
}
_LOOKED_UP = re.compile(
    r"(encontre )?tu (pedido|cita)\b|el total|el numero|la cita|no tengo el detalle"
)
_PATIENCE = re.compile(r"[^.!?¡¿]*\bun momento\b[^.!?]*[.!?]*")
_PROPOSED = re.compile(r"¿(?:lo )?confirm\w*\?$")
_NUMBER = re.compile(r"numero (?:de la cita es )?(\d+)")
_OFFERED = re.compile(r"(?:el (\w+ \d+ de \w+) )?a las? (\d+):(\d\d)")


def remove_expected(text: str, expected: str) -> str:
    """Return what the assistant said beyond the expected sentence, whole or cut off."""
    if expected.startswith(text):
        return ""
    return text.removeprefix(expected).strip()


def mentions_success(text: str, intent: Intent) -> bool:
    """Return whether the text says that the intent was fulfilled."""
    return re.search(_DONE[intent], fold(text)) is not None


def infer_result(text: str, task: Task, *, today: date) -> dict[str, Any] | None:
    """Return the result that the assistant's text implies; None if the tool had not answered yet."""
    said = _PATIENCE.sub(" ", fold(text)).strip()
    if not said:
        return None
    kind = "order" if task.intent.subject is Subject.ORDER else "appointment"
    if _starts_like_answer(said, task.intent) or mentions_success(said, task.intent):
        number = _NUMBER.search(said)
        return {"ok": True, kind: {"id": number[1]} if number else {}}
    if _PROPOSED.search(said):
        return {"ok": False, "error": "confirmation_needed", "say": text}
    alternatives = [moment.isoformat() for moment in _alternatives(said, task, today)]
    return {"ok": False, "error": _code(said), "alternatives": alternatives}


def _starts_like_answer(said: str, intent: Intent) -> bool:
    """Return whether the text starts like the answer to the fulfilled intent."""
    if intent in {Intent.LOOK_UP_ORDER, Intent.LOOK_UP_APPOINTMENT}:
        return _LOOKED_UP.match(said) is not None
    return said.startswith("listo")


def _code(said: str) -> str:
    """Return an error code for the refusal's text."""
    if "encuentr" in said or "encontr" in said:
        return "not_found"
    return "doctor" if "doctor" in said else "refused"


def _alternatives(said: str, task: Task, today: date) -> Iterator[datetime]:
    _refusal, is_offer, offer = said.partition("te sirve")
    for day_said, hour, minute in _OFFERED.findall(offer if is_offer else ""):
        day, _rest = find_day(tokenize(day_said), today, day_is_expected=False)
        day = day or task.slots.day
        if day is not None and int(hour) < 24 and int(minute) < 60:
            yield datetime(day.year, day.month, day.day, int(hour), int(minute))  # noqa: DTZ001 -- local time of the business, as the tools use it
