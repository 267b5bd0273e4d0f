"""Answers to the assistant's questions and offers, and corrections of the task."""

from dataclasses import replace
from datetime import datetime

from nova_sonic_simulator.dialogue import small_talk
from nova_sonic_simulator.dialogue.nlu.interpretation import DialogueAct, Interpretation
from nova_sonic_simulator.dialogue.reply import Reply
from nova_sonic_simulator.dialogue.responses import offer
from nova_sonic_simulator.dialogue.slots import Intent, Operation, Slots
from nova_sonic_simulator.dialogue.state import Confirmation, DialogueState, Stage
from nova_sonic_simulator.dialogue.task_flow import TaskFlow
from nova_sonic_simulator.dialogue.tasks import CREATING, IDENTITY_SLOTS, SCHEDULING, Task


class Answers:
    """Understands what the customer answers; each method returns None if the utterance is something else."""

    def __init__(self, state: DialogueState, flow: TaskFlow) -> None:
        self._state = state
        self._flow = flow

    def answer_confirmation(self, said: Interpretation, now: datetime) -> Reply | None:
        """Handle the answer to a yes-or-no question about the task."""
        confirmation, self._state.confirmation = self._state.confirmation, None
        task = self._state.task
        if confirmation is None or task is None or task.updated(said.slots) != task:
            return None
        if confirmation.is_change:
            return self._answer_change(said, confirmation, task, now)
        return self._answer_proposed_slot(said, confirmation, task, now)

    def _answer_proposed_slot(
        self, said: Interpretation, confirmation: Confirmation, task: Task, now: datetime
    ) -> Reply | None:
        if any(said.slots.filled()):
            return None
        if DialogueAct.NO in said.acts:
            cleared = task.slots.without(*confirmation.cleared)
            self._state.customer = Slots()
            return self._flow.advance(replace(task, slots=cleared), now)
        if DialogueAct.YES in said.acts:
            self._state.confirmed |= {confirmation.accepted}
            return self._flow.advance(task.updated(confirmation.accepted), now)
        return self._confirm_again(confirmation) if said.operation is None else None

    def _answer_change(
        self, said: Interpretation, confirmation: Confirmation, task: Task, now: datetime
    ) -> Reply | None:
        """Handle the answer to a proposed change: only an unconditional yes makes it.

        "Sí, pero antes decime cuánto salía" is a question, "bueno, dejalo" is a no, "no sé" is neither.
        """
        if said.acts & {DialogueAct.WAIT, DialogueAct.UNSURE} and not said.is_question:
            self._state.confirmation = confirmation
            is_wait = DialogueAct.WAIT in said.acts
            return self._state.final_reply(small_talk.WAITING if is_wait else small_talk.NO_HURRY)
        asks = said.is_question or said.is_conditional or said.asks_outcome
        if _drops(said, task) or (DialogueAct.NO in said.acts and not asks):
            self._state.drop_change()
            return self._state.final_reply(small_talk.TASK_DROPPED)
        if asks:
            return self._answer_aside(said, confirmation, task)
        if said.operation_is_explicit:
            # "Cancelalo" confirms a cancellation; another verb is another wish.
            return self._flow.advance(task, now) if _asks_for(said, task) else None
        if DialogueAct.YES in said.acts:
            return self._flow.advance(task, now)
        is_other = said.operation is not None and said.subject_is_named
        return None if is_other else self._confirm_again(confirmation)

    def _confirm_again(self, confirmation: Confirmation) -> Reply:
        self._state.confirmation = confirmation
        return self._state.final_reply(f"{small_talk.NOT_UNDERSTOOD} {confirmation.question}")

    def _answer_aside(
        self, said: Interpretation, confirmation: Confirmation, task: Task
    ) -> Reply | None:
        """Handle a question before the answer; the proposed change waits."""
        if said.operation_is_explicit and said.subject_is_named and not _asks_for(said, task):
            return None
        self._state.confirmation = confirmation
        if said.asks_outcome:
            return self._state.final_reply(small_talk.NOT_YET, confirmation.question)
        asks_record = said.operation is Operation.LOOK_UP or said.aspect is not None
        if asks_record and task.slots.number and (call := self._flow.look_up_aside(task, said)):
            return call
        return self._state.final_reply(confirmation.question)

    def choose_alternative(self, said: Interpretation, now: datetime) -> Reply | None:
        """Choose one of the offered times, or another that the customer names."""
        if self._state.offer is None:
            return None
        chosen = self._chosen_alternative(said, self._state.offer.times)
        if chosen is not None:
            slots = Slots(day=chosen.date(), at=chosen.time())
            self._state.confirmed |= {slots.only("at")}
            return self._flow.advance(self._state.offer.task.updated(slots), now)
        if DialogueAct.OFFERS in said.acts or DialogueAct.REPEAT in said.acts:
            return self._state.final_reply(*offer(self._state.offer.times, None))
        if DialogueAct.NO in said.acts and not any(said.slots.filled()):
            task, self._state.offer = self._state.offer.task, None
            undecided = replace(task.slots, day=None, at=None)
            return self._flow.advance(replace(task, slots=undecided), now)
        return None

    def update_task(self, said: Interpretation, now: datetime) -> Reply | None:
        """Complete or correct the task, and try a refused one again at "sí"."""
        if self._state.task is None:
            return None
        moved = self._reschedule_after_booking(said)
        if moved is not None:
            return self._flow.advance(moved, now)
        if self._state.stage is Stage.REFUSED and not any(said.slots.filled()):
            return self._answer_refusal(said, self._state.task, now)
        updated = self._state.task.updated(said.slots)
        if updated != self._state.task and not self._is_final(said):
            return self._flow.advance(updated, now)
        return None

    def _answer_refusal(self, said: Interpretation, task: Task, now: datetime) -> Reply | None:
        """Handle "¿por qué no?" and a bare yes: the call is only repeated if that was offered.

        Repeating what was refused for a wrong proof would count towards the lock.
        """
        if DialogueAct.YES in said.acts and not said.is_question:
            if self._state.last_refusal.endswith("?"):
                return self._flow.advance(task, now)
            return self._state.final_reply(self._state.last_refusal)
        if DialogueAct.WHY in said.acts:
            return self._state.final_reply(self._state.last_refusal)
        return None

    def _is_final(self, said: Interpretation) -> bool:
        """Return whether the task is final: adding a word must not create twice."""
        created = self._state.task is not None and self._state.task.intent in CREATING
        return created and self._state.stage is Stage.DONE and said.operation is None

    def _reschedule_after_booking(self, said: Interpretation) -> Task | None:
        """Return the task for "no, mejor a las once" after an appointment was made or moved."""
        task = self._state.task
        if task is None or task.intent not in SCHEDULING or self._state.stage is not Stage.DONE:
            return None
        can_move = self._flow.can(Intent.RESCHEDULE_APPOINTMENT)
        if not (said.slots.day or said.slots.at) or not can_move or said.is_for_another:
            return None
        before = task.slots.only("number", *IDENTITY_SLOTS, "day", "at")
        return Task(
            intent=Intent.RESCHEDULE_APPOINTMENT,
            factors=task.factors,
            slots=before.updated(said.slots.only("day", "at")),
        )

    def _chosen_alternative(
        self, said: Interpretation, times: tuple[datetime, ...]
    ) -> datetime | None:
        at, day = said.slots.at, said.slots.day
        if at is not None and day is None:
            return next((moment for moment in times if moment.time() == at), None)
        if said.choice is not None and said.choice < len(times):
            return times[said.choice]
        is_yes = DialogueAct.YES in said.acts and DialogueAct.NO not in said.acts
        return times[0] if is_yes and day is None else None


def _drops(said: Interpretation, task: Task) -> bool:
    """Return whether "bueno, dejalo", or "cancelalo" about what is to be made, gives up the change."""
    is_bare_cancel = said.operation is Operation.CANCEL and said.subject is None
    return DialogueAct.STOP in said.acts or (
        is_bare_cancel and task.intent.operation is not Operation.CANCEL
    )


def _asks_for(said: Interpretation, task: Task) -> bool:
    """Return whether the utterance asks for what the task does."""
    is_same = said.operation is task.intent.operation
    return is_same and said.subject in {None, task.intent.subject}
