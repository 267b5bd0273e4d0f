"""What a customer wanted in a call, and whether it was done: derived from the tool calls. Pure.

Each tool serves one purpose. A purpose that was tried again counts by its last tool call, since a
correction follows a refusal. What the customer asked to change counts before what they only asked
about: a caller who looks for free times and then books wanted to book.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from conversations.domain import ToolCall, ToolOutcome


class Purpose(StrEnum):
    """What a customer wants; the changes come first."""

    BOOK_APPOINTMENT = "book_appointment"
    MOVE_APPOINTMENT = "move_appointment"
    CANCEL_APPOINTMENT = "cancel_appointment"
    PLACE_ORDER = "place_order"
    CANCEL_ORDER = "cancel_order"
    LEAVE_MESSAGE = "leave_message"
    ASK_APPOINTMENT = "ask_appointment"
    ASK_ORDER = "ask_order"
    ASK_FREE_TIMES = "ask_free_times"
    ASK_INFORMATION = "ask_information"


class CallResult(StrEnum):
    """What became of what a customer wanted."""

    DONE = "done"
    MESSAGE_LEFT = "message_left"
    """Something was not done, and the customer left a message for the staff after it."""
    UNCONFIRMED = "unconfirmed"
    """The assistant proposed a change, and the customer did not confirm it."""
    REFUSED = "refused"
    """A rule forbade it, or it was not found: the code says which."""
    FAILED = "failed"
    """A technical failure; also a tool call that was broken off or never ended."""
    NOTHING_ASKED = "nothing_asked"
    """No tool was called."""


PURPOSES: Mapping[str, Purpose] = {
    "agendarTurno": Purpose.BOOK_APPOINTMENT,
    "modificarTurno": Purpose.MOVE_APPOINTMENT,
    "cancelarTurno": Purpose.CANCEL_APPOINTMENT,
    "crearOrder": Purpose.PLACE_ORDER,
    "cancelarOrder": Purpose.CANCEL_ORDER,
    "dejarMensaje": Purpose.LEAVE_MESSAGE,
    "consultarTurno": Purpose.ASK_APPOINTMENT,
    "misTurnos": Purpose.ASK_APPOINTMENT,
    "consultarOrder": Purpose.ASK_ORDER,
    "misPedidos": Purpose.ASK_ORDER,
    "consultarDisponibilidad": Purpose.ASK_FREE_TIMES,
    "consultarInformacion": Purpose.ASK_INFORMATION,
}
"""The purpose of each tool; one that is not here serves none."""

CHANGES = frozenset(
    {
        Purpose.BOOK_APPOINTMENT,
        Purpose.MOVE_APPOINTMENT,
        Purpose.CANCEL_APPOINTMENT,
        Purpose.PLACE_ORDER,
        Purpose.CANCEL_ORDER,
    }
)

RESULTS: Mapping[ToolOutcome, CallResult] = {
    ToolOutcome.OK: CallResult.DONE,
    ToolOutcome.PROPOSED: CallResult.UNCONFIRMED,
    ToolOutcome.REFUSED: CallResult.REFUSED,
    ToolOutcome.FAILED: CallResult.FAILED,
    ToolOutcome.CANCELLED: CallResult.FAILED,
    ToolOutcome.RUNNING: CallResult.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSummary:
    """What a customer wanted, whether it was done, and the code of why not.

    Attributes:
        wanted: The purposes, in the order in which they first came up.
        result: What became of the one that counts.
        code: Why it was not done: the error code of its tool call; None if there is none.

    """

    wanted: Sequence[Purpose] = ()
    result: CallResult = CallResult.NOTHING_ASKED
    code: str | None = None


def summarize(tool_calls: Sequence[ToolCall]) -> CallSummary:
    """Return the summary of a call from its tool calls, in the order in which they started."""
    last = {
        purpose: each for each in tool_calls if (purpose := PURPOSES.get(each.name)) is not None
    }
    if not last:
        return CallSummary()
    wanted = tuple(last)
    asked = {purpose: each for purpose, each in last.items() if purpose in CHANGES} or {
        purpose: each for purpose, each in last.items() if purpose is not Purpose.LEAVE_MESSAGE
    }
    undone = [each for each in asked.values() if RESULTS[each.outcome] is not CallResult.DONE]
    message = last.get(Purpose.LEAVE_MESSAGE)
    has_message = message is not None and message.outcome is ToolOutcome.OK
    if has_message and (undone or not asked):
        code = undone[-1].error_code if undone else None
        return CallSummary(wanted=wanted, result=CallResult.MESSAGE_LEFT, code=code)
    if message is not None and not has_message:
        undone.append(message)
    if not undone:
        return CallSummary(wanted=wanted, result=CallResult.DONE)
    counted = undone[-1]
    return CallSummary(wanted=wanted, result=RESULTS[counted.outcome], code=counted.error_code)
