"""Starts tasks, asks for their missing slots, and calls their tools."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from nova_sonic_simulator.dialogue import small_talk
from nova_sonic_simulator.dialogue.nlu.interpretation import Interpretation
from nova_sonic_simulator.dialogue.questions import confirm_name, confirm_time, question
from nova_sonic_simulator.dialogue.reply import Reply
from nova_sonic_simulator.dialogue.slots import (
    INTENTS,
    Aspect,
    Intent,
    Operation,
    RequestedSlot,
    Slots,
)
from nova_sonic_simulator.dialogue.state import Confirmation, DialogueState, RunningCalls, Stage
from nova_sonic_simulator.dialogue.tasks import CREATING, IDENTITY_SLOTS, SCHEDULING, Task, is_full

# People book at round minutes; another one was probably misheard.
ROUND_MINUTES = frozenset({0, 10, 15, 20, 30, 40, 45, 50})


class TaskFlow:
    """Brings the task of a dialogue forward."""

    def __init__(
        self,
        state: DialogueState,
        running: RunningCalls,
        *,
        parameters: Mapping[str, Collection[str]],
        has_catalogue: bool = False,
    ) -> None:
        """Create the flow.

        Args:
            state: The state of the dialogue.
            running: The calls that run.
            parameters: The parameters of each declared tool.
            has_catalogue: Whether the tool knows the prices, so that none is asked for.

        """
        self._state = state
        self._running = running
        self._parameters = parameters
        self._has_catalogue = has_catalogue

    def can(self, intent: Intent) -> bool:
        """Return whether the tool of this intent is declared."""
        return intent.value in self._parameters

    def start(self, said: Interpretation, now: datetime) -> Reply:
        """Start the task that the customer asks for; ask what it is about if that is unknown."""
        subject = said.subject or (self._state.task.intent.subject if self._state.task else None)
        if subject is None:
            self._state.incomplete = said
            return self._state.final_reply(small_talk.WHAT_DO_YOU_NEED)
        assert said.operation is not None
        intent = INTENTS.get((said.operation, subject))
        if intent is None:
            return self._state.final_reply(small_talk.ORDERS_DO_NOT_CHANGE)
        if not self.can(intent):
            return self._state.final_reply(small_talk.NO_TOOL)
        if intent in CREATING and self._state.stage is not Stage.ASKING:
            self._state.offer = None
        slots = self._carried_slots(said, intent)
        aspect, factors = said.aspect or Aspect.STATUS, self._carried_factors(slots)
        task = Task(intent=intent, slots=Slots(), aspect=aspect, factors=factors)
        return self.advance(task.updated(slots).updated(said.slots), now)

    def _carried_slots(self, said: Interpretation, intent: Intent) -> Slots:
        """Return the slots that carry over from the last task: identity and number."""
        if said.for_someone_else:
            self._state.customer = Slots()
        is_other = said.slots.name or said.slots.dni or said.for_someone_else
        if self._state.task is None:
            known = self._state.customer.only(*IDENTITY_SLOTS)
            return Slots() if is_other or intent in CREATING else known
        before = self._state.task.slots
        if self._state.stage is Stage.ASKING and intent is self._state.task.intent:
            return before
        names: tuple[str, ...] = tuple(said.same)
        if not is_other and intent not in CREATING:
            names += IDENTITY_SLOTS
        if intent.subject is self._state.task.intent.subject and not said.another:
            names += ("number",)
        return before.only(*names)

    def _carried_factors(self, carried: Slots) -> frozenset[str]:
        """Return the factors that the customer gave for the same record."""
        if self._state.task is None or carried.number is None:
            return frozenset()
        return self._state.task.factors | (
            {"email"} if self._state.task.intent in CREATING else frozenset()
        )

    def advance(self, task: Task, now: datetime) -> Reply:
        """Ask for the missing slots of `task`, or call its tool."""
        task, problem = _without_past(task, now)
        if problem:
            self._state.last_refusal = " ".join(problem)
        if self._has_catalogue:
            task = task.with_catalogue_prices()
        self._state.task, self._state.confirmation = task, None
        if task.slots.name and is_full(task.slots.name):
            self._state.customer = self._state.customer.updated(task.slots.only("name", "email"))
        requested = task.missing_slots()
        self._state.requested = frozenset(requested)
        if requested:
            self._state.stage = Stage.ASKING
            self._state.confirmation = self._propose_name(task, requested)
            asked = (
                self._state.confirmation.question
                if self._state.confirmation
                else question(task, requested, has_catalogue=self._has_catalogue)
            )
            self._state.last_question = asked
            return self._state.final_reply(*problem, asked)
        if task.intent in SCHEDULING and (unsure := self._unsure_time(task)):
            self._state.stage, self._state.confirmation = Stage.ASKING, unsure
            self._state.requested = frozenset({RequestedSlot.TIME})
            return self._state.final_reply(unsure.question)
        return self._call(task)

    def look_up_aside(self, change: Task, said: Interpretation) -> Reply | None:
        """Look up the record of a change that waits for its confirmation; None if that can't be done."""
        intent = INTENTS[Operation.LOOK_UP, change.intent.subject]
        slots = change.slots.only("number", *IDENTITY_SLOTS)
        task = Task(intent=intent, slots=slots, aspect=said.aspect or Aspect.STATUS)
        if not self.can(intent) or task.missing_slots():
            return None
        self._state.aside = task
        self._running.start(task)
        return Reply(tool_calls=(task.call(self._parameters.get(intent, ())),))

    def _call(self, task: Task) -> Reply:
        self._state.stage = Stage.CALLING
        if self._state.offer is not None and task.intent is self._state.offer.task.intent:
            self._state.offer = None
        self._running.start(task)
        return Reply(tool_calls=(task.call(self._parameters.get(task.intent, ())),))

    def _propose_name(
        self, task: Task, requested: tuple[RequestedSlot, ...]
    ) -> Confirmation | None:
        """Propose the name of the customer known so far for something new."""
        known = self._state.customer
        if task.intent not in CREATING or requested != (RequestedSlot.NAME,) or not known.name:
            return None
        if task.slots.name is not None:
            return None
        return Confirmation(question=confirm_name(known.name), accepted=known)

    def _unsure_time(self, task: Task) -> Confirmation | None:
        at = task.slots.at
        is_sure = at != self._state.doubtful_time
        if at is None or (at.minute in ROUND_MINUTES and is_sure):
            return None
        accepted = Slots(at=at)
        if accepted in self._state.confirmed:
            return None
        return Confirmation(question=confirm_time(at), accepted=accepted, cleared=("at",))


def _without_past(task: Task, now: datetime) -> tuple[Task, tuple[str, ...]]:
    """Return the task without a day or time that is past, and the sentence that says so."""
    day, at = task.slots.day, task.slots.at
    if task.intent not in SCHEDULING or day is None:
        return task, ()
    if day < now.date():
        return replace(task, slots=replace(task.slots, day=None)), (small_talk.PAST_DAY,)
    if at is not None and day == now.date() and at <= now.time():
        return replace(task, slots=replace(task.slots, at=None)), (small_talk.PAST_TIME,)
    return task, ()
