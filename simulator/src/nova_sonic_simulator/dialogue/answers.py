"""Answers to the assistant's questions and offers, and corrections of the task."""

from dataclasses import replace
from datetime import datetime

from nova_sonic_simulator.dialogue import small_talk
from nova_sonic_simulator.dialogue.nlu.interpretation import DialogueAct, Interpretation
from nova_sonic_simulator.dialogue.reply import Reply
from nova_sonic_simulator.dialogue.responses import offer
from nova_sonic_simulator.dialogue.slots import Intent, Slots
from nova_sonic_simulator.dialogue.state import DialogueState, Stage
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
        if confirmation is None or task is None or any(said.slots.filled()):
            return None
        if DialogueAct.NO in said.acts and confirmation.is_change:
            self._state.drop_task()
            return self._state.final_reply(small_talk.TASK_DROPPED)
        if DialogueAct.NO in said.acts:
            cleared = task.slots.without(*confirmation.cleared)
            self._state.customer = Slots()
            return self._flow.advance(replace(task, slots=cleared), now)
        if DialogueAct.YES in said.acts:
            self._state.confirmed |= {confirmation.accepted}
            return self._flow.advance(task.updated(confirmation.accepted), now)
        if said.operation is not None:
            return None
        self._state.confirmation = confirmation
        return self._state.final_reply(f"{small_talk.NOT_UNDERSTOOD} {confirmation.question}")

    def choose_alternative(self, said: Interpretation, now: datetime) -> Reply | None:
        """Choose one of the offered times, or another that the customer names."""
        if self._state.offer is None:
            return None
        chosen = self._chosen_alternative(said, self._state.offer.times)
        if chosen is not None:
            slots = Slots(day=chosen.date(), at=chosen.time())
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
        is_bare_yes = DialogueAct.YES in said.acts and not any(said.slots.filled())
        if self._state.stage is Stage.REFUSED and is_bare_yes:
            return self._flow.advance(self._state.task, now)
        updated = self._state.task.updated(said.slots)
        if updated != self._state.task and not self._is_final(said):
            return self._flow.advance(updated, now)
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
        if not (said.slots.day or said.slots.at) or not can_move:
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
