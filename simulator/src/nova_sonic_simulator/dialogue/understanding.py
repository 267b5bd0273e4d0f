"""What an utterance means in the light of the dialogue's state."""

from dataclasses import replace
from datetime import datetime

from nova_sonic_simulator.dialogue.nlu.interpretation import (
    DialogueAct,
    Interpretation,
    interpret,
    is_correction,
)
from nova_sonic_simulator.dialogue.nlu.tokens import fold
from nova_sonic_simulator.dialogue.slots import Aspect, Intent, Operation, Subject
from nova_sonic_simulator.dialogue.state import DialogueState, Stage
from nova_sonic_simulator.dialogue.tasks import (
    LOOKING_UP,
    SCHEDULING,
    correctable_slots,
    is_full,
)

# A wrong cancellation or creation is not corrected by applying it to another record.
CORRECTED_WHEN_DONE = LOOKING_UP | SCHEDULING
LONGEST_GREETING = 4


def interpret_in_context(
    state: DialogueState, text: str, now: datetime, *, is_typed: bool = False
) -> Interpretation:
    """Interpret the text; a bare correction of a done task is read as an answer."""
    said = interpret(text, now=now, requested=state.requested, is_typed=is_typed)
    if state.stage is not Stage.DONE or state.task is None or any(said.slots.filled()):
        return said
    if state.task.intent not in CORRECTED_WHEN_DONE or not is_correction(text):
        return said
    correctable = correctable_slots(state.task, "")
    again = interpret(text, now=now, requested=correctable, is_typed=is_typed)
    # "No, genial" is not a name.
    return again if is_full(again.slots.name) or not again.slots.name else said


def complete(state: DialogueState, said: Interpretation) -> Interpretation:
    """Add what an incomplete intent said before, and the implied operation."""
    incomplete, state.incomplete = state.incomplete, None
    if said.operation is not None:
        is_help = DialogueAct.HELP in said.acts and not said.operation_is_explicit
        return replace(said, operation=None) if is_help and not said.subject_is_named else said
    if incomplete is not None and said.subject is not None:
        slots = incomplete.slots.updated(said.slots)
        return replace(incomplete, subject=said.subject, slots=slots)
    if _books_anew(state, said):
        return replace(said, operation=Operation.CREATE)
    asks_more = said.aspect is not None and state.task is not None
    names_one = said.subject_is_named and said.slots.number is not None
    if asks_more or (names_one and not state.awaits_answer):
        return replace(said, operation=Operation.LOOK_UP)
    return said


def _books_anew(state: DialogueState, said: Interpretation) -> bool:
    """Return whether this asks for an appointment without a verb: "turno", "uno para mi hija a las 17"."""
    is_vague = said.is_question or said.negated or said.asks_outcome or said.aspect is not None
    if is_vague or said.slots.number is not None or state.awaits_answer:
        return False
    names_time = bool(said.slots.day or said.slots.at)
    is_idle = state.stage in {Stage.NONE, Stage.DROPPED} or (
        state.stage is Stage.DONE and state.task is not None and state.task.intent not in SCHEDULING
    )
    if is_idle and said.subject is Subject.APPOINTMENT and said.subject_is_named:
        return names_time or bool(said.slots.doctor) or said.is_short
    has_booked = (
        state.task is not None
        and state.task.intent is Intent.BOOK_APPOINTMENT
        and state.stage is Stage.DONE
    )
    return has_booked and said.is_for_another and names_time


def with_listed_number(state: DialogueState, said: Interpretation, text: str) -> Interpretation:
    """Return the utterance with the number of the listed record that it names: "el del Producto C"."""
    if said.operation in {None, Operation.CREATE} or said.slots.number is not None:
        return said
    records = [each for each in state.listed if said.subject in {None, each.subject}]
    plain = fold(text)
    named = [each for each in records if any(name in plain for name in each.names)]
    if len(named) != 1 and said.choice is not None and said.choice < len(records):
        named = [records[said.choice]]
    if len(records) == 1:
        named = records
    if len(named) != 1:
        return said
    slots = replace(said.slots, number=named[0].number)
    return replace(said, slots=slots, subject=named[0].subject)


def is_out_of_scope(state: DialogueState, said: Interpretation) -> bool:
    """Return whether no tool can answer: prices of consultations, opening hours."""
    if said.is_beyond_tools and not said.operation_is_explicit:
        return True
    if (
        said.operation is not Operation.LOOK_UP
        or said.operation_is_explicit
        or not said.is_question
    ):
        return False
    if said.subject is Subject.APPOINTMENT and said.aspect in {Aspect.TOTAL, Aspect.TRACKING}:
        return True
    return not said.subject_is_named and state.task is None and said.aspect is None


def only_fills_slots(state: DialogueState, said: Interpretation) -> bool:
    """Return whether "quiero el viernes" or "decime para las diez" answers the question."""
    if said.operation_is_explicit or state.task is None:
        return False
    is_other = said.subject_is_named and said.subject is not state.task.intent.subject
    return state.awaits_answer and any(said.slots.filled()) and not is_other


def gives_up(state: DialogueState, said: Interpretation) -> bool:
    """Return whether the customer drops the open task: "dejalo", or just "cancelá"."""
    if state.task is None or not state.awaits_answer:
        return False
    is_cancel = said.operation is Operation.CANCEL and said.subject is None
    is_other = state.task.intent not in {Intent.CANCEL_ORDER, Intent.CANCEL_APPOINTMENT}
    is_stop = DialogueAct.STOP in said.acts and not said.operation_is_explicit
    return is_stop or (is_cancel and is_other)


def is_only_greeting(state: DialogueState, said: Interpretation, text: str) -> bool:
    """Return whether this is "hola, buen día", whose words may also stand in a tool's description."""
    is_bare = said.operation is None and said.subject is None and not any(said.slots.filled())
    is_greeting = DialogueAct.GREETING in said.acts and len(text.split()) <= LONGEST_GREETING
    return is_greeting and is_bare and not state.awaits_answer
