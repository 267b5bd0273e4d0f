"""What comes before any task: emergencies, a wait, another language, another speaker, a person."""

import re
from dataclasses import replace

from nova_sonic_simulator.dialogue import small_talk
from nova_sonic_simulator.dialogue.business import Business
from nova_sonic_simulator.dialogue.general import GeneralDialogue
from nova_sonic_simulator.dialogue.inquiries import MESSAGE
from nova_sonic_simulator.dialogue.nlu.identifiers import DNI_FIGURES
from nova_sonic_simulator.dialogue.nlu.interpretation import DialogueAct, Interpretation
from nova_sonic_simulator.dialogue.nlu.tokens import fold
from nova_sonic_simulator.dialogue.reply import Reply, ToolCall
from nova_sonic_simulator.dialogue.slots import Operation, RequestedSlot, Slots
from nova_sonic_simulator.dialogue.state import DialogueState, Stage
from nova_sonic_simulator.dialogue.tasks import IDENTITY_SLOTS, is_full

_HAND_OVER = re.compile(r"\b(?:te|le) paso (?:con|a)\b")
_UNDOING = re.compile(
    r"\b(?:volver a activar|volver atras|reactiv\w+|deshac\w+|restaur\w+|recuper\w+|descancel\w+)\b"
)


class Priorities:
    """Answers what comes first; the task that is spoken of waits."""

    def __init__(
        self,
        state: DialogueState,
        business: Business,
        other_tools: GeneralDialogue | None,
        *,
        takes_messages: bool,
    ) -> None:
        self._state = state
        self._business = business
        self._other_tools = other_tools
        self._takes_messages = takes_messages

    def answer(self, said: Interpretation, text: str) -> Reply | None:
        """Return the reply, or None if the utterance is about a task."""
        return (
            self._answer_emergency(text)
            or self._answer_offered_message(said)
            or self._answer_manner(said)
            or self._answer_other_speaker(text)
            or self._answer_person(text)
            or self._answer_undoing(text)
        )

    def _answer_emergency(self, text: str) -> Reply | None:
        sentence = self._business.answer_emergency(text, is_continued=self._state.has_emergency)
        self._state.has_emergency = sentence is not None
        return self._state.final_reply(sentence) if sentence else None

    def _answer_offered_message(self, said: Interpretation) -> Reply | None:
        offered, self._state.offers_message = self._state.offers_message, False
        is_yes = DialogueAct.YES in said.acts and said.is_short
        if not (offered and is_yes and self._other_tools):
            return None
        return self._other_tools.begin(ToolCall(name=MESSAGE, arguments={}))

    def _answer_manner(self, said: Interpretation) -> Reply | None:
        if DialogueAct.WAIT in said.acts and not any(said.slots.filled()):
            return self._state.final_reply(small_talk.WAITING)
        if not said.is_english:
            return None
        open_question = self._state.open_question()
        if open_question:
            return self._state.final_reply(small_talk.SPANISH_ONLY_WHILE_ASKING, open_question)
        return self._state.final_reply(small_talk.SPANISH_ONLY)

    def _answer_other_speaker(self, text: str) -> Reply | None:
        """Forget who spoke before: "te paso con mi cuñado"."""
        if not _HAND_OVER.search(fold(text)):
            return None
        self._state.drop_task()
        self._state.customer, self._state.listed = Slots(), ()
        return self._state.final_reply(small_talk.OTHER_PERSON)

    def _answer_person(self, text: str) -> Reply | None:
        person = self._business.answer_person(text)
        if person is None:
            return None
        open_question = self._state.open_question()
        self._state.offers_message = self._takes_messages and not open_question
        offer = small_talk.LEAVE_MESSAGE if self._state.offers_message else open_question
        return self._state.final_reply(person, offer)

    def _answer_undoing(self, text: str) -> Reply | None:
        task = self._state.task
        is_cancelled = (
            task is not None
            and task.intent.operation is Operation.CANCEL
            and self._state.stage is Stage.DONE
        )
        is_meant = is_cancelled and _UNDOING.search(fold(text))
        return self._state.final_reply(small_talk.NO_UNDOING) if is_meant else None


def join_figures(state: DialogueState, said: Interpretation, text: str) -> Interpretation:
    """Return the utterance with the DNI whose groups were given one after the other."""
    figures = re.sub(r"[\s.]", "", text)
    asks_identity = state.requested == {RequestedSlot.IDENTITY} and state.stage is Stage.ASKING
    is_group = figures.isdecimal() and len(figures) < min(DNI_FIGURES)
    if not (asks_identity and is_group):
        state.figures = ""
        return said
    joined = state.figures + figures
    is_whole = len(joined) in DNI_FIGURES
    state.figures = "" if is_whole or len(joined) > max(DNI_FIGURES) else joined
    return replace(said, slots=replace(said.slots, dni=joined)) if is_whole else said


def remember_customer(state: DialogueState, said: Interpretation) -> None:
    """Remember who speaks; another name is another person, whose DNI is not known."""
    if said.for_someone_else:
        return
    given = said.slots.only(*IDENTITY_SLOTS)
    if not is_full(given.name):
        given = given.without("name")
    if given.name and given.name != state.customer.name:
        state.customer, state.listed = Slots(), ()
    state.customer = state.customer.updated(given)
