"""What an utterance means in the light of the dialogue's state."""

from dataclasses import replace
from datetime import datetime

from nova_sonic_simulator.dialogue.nlu.interpretation import (
    DialogueAct,
    Interpretation,
    interpret,
    is_correction,
)
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


def interpret_in_context(state: DialogueState, text: str, now: datetime) -> Interpretation:
    """Interpret the text; a bare correction of a done task is read as an answer."""
    said = interpret(text, now=now, requested=state.requested)
    if state.stage is not Stage.DONE or state.task is None or any(said.slots.filled()):
        return said
    if state.task.intent not in CORRECTED_WHEN_DONE or not is_correction(text):
        return said
    again = interpret(text, now=now, requested=correctable_slots(state.task, ""))
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
    asks_more = said.aspect is not None and state.task is not None
    names_one = said.subject_is_named and said.slots.number is not None
    if asks_more or (names_one and not state.awaits_answer):
        return replace(said, operation=Operation.LOOK_UP)
    return said


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
    if state.task is None or state.stage is not Stage.ASKING:
        return False
    is_cancel = said.operation is Operation.CANCEL and said.subject is None
    is_other = state.task.intent not in {Intent.CANCEL_ORDER, Intent.CANCEL_APPOINTMENT}
    is_stop = DialogueAct.STOP in said.acts and said.operation is None
    return is_stop or (is_cancel and is_other)


def is_only_greeting(state: DialogueState, said: Interpretation, text: str) -> bool:
    """Return whether this is "hola, buen día", whose words may also stand in a tool's description."""
    is_bare = said.operation is None and said.subject is None and not any(said.slots.filled())
    is_greeting = DialogueAct.GREETING in said.acts and len(text.split()) <= LONGEST_GREETING
    return is_greeting and is_bare and not state.awaits_answer
