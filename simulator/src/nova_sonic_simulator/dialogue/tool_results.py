"""Tool results: what is said about them, and how they end the task."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from nova_sonic_simulator.dialogue.history import infer_result, mentions_success
from nova_sonic_simulator.dialogue.inquiries import offered_times
from nova_sonic_simulator.dialogue.responses import (
    alternatives_of,
    answer,
    is_successful,
    offer,
    record_id,
)
from nova_sonic_simulator.dialogue.slots import Intent, RequestedSlot, Slots
from nova_sonic_simulator.dialogue.state import (
    Confirmation,
    DialogueState,
    Offer,
    RunningCalls,
    Stage,
)
from nova_sonic_simulator.dialogue.tasks import SCHEDULING, Task, correctable_slots

CONFIRMATION_NEEDED = "confirmation_needed"
"""The error code of a tool that proposes a change, with the words to say."""


class ToolResults:
    """Answers from tool results, and from them only."""

    def __init__(self, state: DialogueState, running: RunningCalls) -> None:
        self._state = state
        self._running = running

    def answer(self, task: Task, result: dict[str, Any], now: datetime) -> tuple[str, ...]:
        """Return what to say; if the task is the current one, it ends with this result."""
        sentences = answer(task, result, now.tzinfo, self._state.style.language)
        if task is not self._state.task:
            return sentences
        return (*sentences, *self._finish_task(task, result, now))

    def answer_unknown_call(
        self, intent: Intent, result: dict[str, Any], now: datetime
    ) -> tuple[str, ...]:
        """Return what to say about a call of which nothing is known but its tool."""
        task = Task(intent=intent, slots=Slots())
        if self._state.stage not in {Stage.ASKING, Stage.CALLING}:
            self._state.task = task
        return self.answer(task, result, now)

    def replay(self, text: str, now: datetime) -> None:
        """Infer from the assistant's text in the history which running calls have ended."""
        for task in self._running.tasks():
            if task is self._state.task:
                result = infer_result(text, task, today=now.date())
                if result is not None:
                    self._running.remove(task)
                    self._finish_task(task, result, now)
            elif mentions_success(text, task.intent):
                self._running.remove(task)

    def offer_free_times(self, result: Mapping[str, Any]) -> None:
        """Let the customer choose one of the free times of one doctor for a new appointment."""
        doctor, times = offered_times(result)
        if doctor is None or not times:
            return
        task = self._state.task if self._state.stage is Stage.ASKING else None
        if task is None or task.intent not in SCHEDULING:
            days = {moment.date() for moment in times}
            day = days.pop() if len(days) == 1 else None
            task = Task(intent=Intent.BOOK_APPOINTMENT, slots=Slots(doctor=doctor, day=day))
            self._state.task, self._state.stage = task, Stage.REFUSED
        self._state.offer = Offer(task=task, times=times)
        self._state.requested = frozenset({RequestedSlot.CHOICE})

    def _finish_task(self, task: Task, result: dict[str, Any], now: datetime) -> tuple[str, ...]:
        """Record how the task ended; return the sentences that offer alternatives, if any."""
        if not is_successful(result):
            return self._finish_refused_task(task, result, now)
        self._state.stage, self._state.offer = Stage.DONE, None
        number = record_id(task, result)
        if number is not None:
            self._state.task = replace(task, slots=replace(task.slots, number=str(number)))
        return ()

    def _finish_refused_task(
        self, task: Task, result: dict[str, Any], now: datetime
    ) -> tuple[str, ...]:
        if result.get("error") == CONFIRMATION_NEEDED:
            asked = answer(task, result, now.tzinfo, self._state.style.language)
            self._state.stage, self._state.last_question = Stage.ASKING, " ".join(asked)
            self._state.confirmation = Confirmation(
                question=self._state.last_question, accepted=Slots(), is_change=True
            )
            self._state.requested = correctable_slots(task, CONFIRMATION_NEEDED)
            return ()
        self._state.stage = Stage.REFUSED
        self._state.last_refusal = " ".join(
            answer(task, result, now.tzinfo, self._state.style.language)
        )
        times = alternatives_of(result, now.tzinfo)
        if times:
            self._state.offer = Offer(task=task, times=times)
            self._state.requested = frozenset({RequestedSlot.CHOICE})
            return offer(times, task.slots.day)
        factors = _factors_asked_for(result)
        if factors:
            self._state.task = replace(task, factors=frozenset(factors))
            self._state.requested = frozenset(_REQUESTED_FACTORS[factor] for factor in factors)
            return ()
        self._state.requested = correctable_slots(task, str(result.get("error")))
        return ()


_REQUESTED_FACTORS = {"dni": RequestedSlot.IDENTITY, "email": RequestedSlot.MAIL}


def _factors_asked_for(result: Mapping[str, Any]) -> list[str]:
    """Return the slots that a refusal asks for to prove the customer's identity."""
    names = result.get("accepts") or result.get("askFor")
    return [name for name in names if name in _REQUESTED_FACTORS] if isinstance(names, list) else []
