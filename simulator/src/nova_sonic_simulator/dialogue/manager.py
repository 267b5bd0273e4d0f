"""Dialogue manager: the state of one conversation, and the reply to each utterance.

At any time there is at most one task. It is being asked about (slots are missing), its tool runs, or it is
done. A done task remains the topic, so that "no, el dos", "¿y qué productos tiene?" and "cancelalo" are
understood. An utterance is, in this order: a new intent, an answer or correction of the task, a choice
among offered alternatives, or small talk. Only explicit verbs start a new intent while a question is
open: "quiero el viernes" is an answer.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from enum import Enum, auto
from typing import Any

from nova_sonic_simulator.dialogue import small_talk
from nova_sonic_simulator.dialogue.directives import Directive, parse_directive
from nova_sonic_simulator.dialogue.history import infer_result, mentions_success, remove_expected
from nova_sonic_simulator.dialogue.nlu.interpretation import (
    DialogueAct,
    Interpretation,
    interpret,
    is_correction,
)
from nova_sonic_simulator.dialogue.questions import question
from nova_sonic_simulator.dialogue.reply import Reply
from nova_sonic_simulator.dialogue.responses import (
    alternatives_of,
    answer,
    offer,
    record_of,
    said,
)
from nova_sonic_simulator.dialogue.slots import (
    INTENTS,
    Aspect,
    Intent,
    Operation,
    RequestedSlot,
    Slots,
    Subject,
)
from nova_sonic_simulator.dialogue.tasks import GROUPS, Task, is_full

FINAL = "[FINAL]"
LOOKING_UP = frozenset({Intent.LOOK_UP_ORDER, Intent.LOOK_UP_APPOINTMENT})
# A wrong cancellation or creation is not corrected by applying it to another record.
CORRECTED_WHEN_DONE = LOOKING_UP | {Intent.BOOK_APPOINTMENT, Intent.RESCHEDULE_APPOINTMENT}
IDENTITY_SLOTS = ("dni", "name", "email")


class Stage(Enum):
    """States of the task."""

    NONE = auto()
    ASKING = auto()
    CALLING = auto()
    DONE = auto()
    REFUSED = auto()


type _Calls = dict[str, list[Task]]


class DialogueManager:
    """The dialogue with one customer. Pure: no I/O, no clock."""

    def __init__(self, *, tools: frozenset[str]) -> None:
        self._tools = tools
        self._task: Task | None = None
        self._stage = Stage.NONE
        # The slots asked for last, so that a bare answer can be interpreted.
        self._requested: frozenset[RequestedSlot] = frozenset()
        # Free times offered instead of a time that was taken.
        self._alternatives: tuple[datetime, ...] = ()
        # An utterance whose subject was still unknown.
        self._incomplete: Interpretation | None = None
        # Tasks with running tools, by tool, in calling order; and those that were running
        # when the conversation was restored.
        self._running_calls: _Calls = {}
        self._earlier_calls: _Calls = {}
        self._was_interrupted = False
        self._last_reply = Reply()

    def restore(self, turns: Sequence[tuple[str, str]], *, now: datetime) -> None:
        """Restore the state after these turns, each a role and a text.

        The customer's turns are interpreted as they were then. Tool results are inferred from the
        assistant's turns. Tools that were still running are not called again.
        """
        expected = ""
        for role, text in turns:
            if role == "USER":
                expected = _plain_text(self.respond(text, now=now))
            else:
                said_then = text.replace(FINAL, "").strip()
                self._replay_assistant(remove_expected(said_then, expected), now)
                self._last_reply = Reply(sentences=(said_then,))
        self._earlier_calls, self._running_calls = self._running_calls, {}

    def respond(self, text: str, *, now: datetime) -> Reply:
        """Respond to what the customer said or typed; `now` is aware, in the business's time zone."""
        if not text.strip():
            return Reply()
        if (directive := parse_directive(text)) is not None:
            return self._follow_directive(directive, now)
        interpretation = self._interpret(text, now)
        was_interrupted, self._was_interrupted = self._was_interrupted, False
        if (
            was_interrupted
            and interpretation.operation is None
            and interpretation.acts & {DialogueAct.NO, DialogueAct.STOP}
        ):
            return _say(small_talk.LISTENING)
        if (
            DialogueAct.REPEAT in interpretation.acts
            and interpretation.operation is None
            and self._last_reply.sentences
        ):
            return self._last_reply
        return self._remember_reply(self._handle(interpretation))

    def respond_to_numbers(self, words: Sequence[str], *, now: datetime) -> Reply:
        """Respond to numbers coded in the audio; the state of the dialogue does not change."""
        del now
        self._was_interrupted = False
        return _say(small_talk.describe_numbers(words)) if words else Reply()

    def handle_tool_result(
        self, *, tool_use_id: str, name: str, result: dict[str, Any], now: datetime
    ) -> Reply:
        """Respond to a tool's result, from that result only."""
        del tool_use_id  # The id is not known here; calls of the same tool are answered in order.
        calls = self._running_calls.get(name)
        if not calls:
            return self._answer_unknown_call(name, result, now)
        task = calls.pop(0)
        if task is not self._task and task.intent in LOOKING_UP:
            # The customer has moved on; only changes are still worth reporting.
            return Reply()
        return self._answer(task, result, now)

    def _answer(self, task: Task, result: dict[str, Any], now: datetime) -> Reply:
        if task is not self._task:
            return _say(*answer(task, result, now.tzinfo))
        sentences = answer(task, result, now.tzinfo)
        return self._remember_reply(_say(*sentences, *self._finish_task(task, result, now)))

    def _follow_directive(self, directive: Directive, now: datetime) -> Reply:
        """Follow a directive."""
        self._was_interrupted = False
        if directive.result is None:
            return self._remember_reply(Reply(sentences=directive.sentences))
        result = dict(directive.result)
        calls = self._earlier_calls.get(directive.tool) or self._running_calls.get(directive.tool)
        if not calls:
            return self._answer_unknown_call(directive.tool, result, now)
        return self._answer(calls.pop(0), result, now)

    def _replay_assistant(self, text: str, now: datetime) -> None:
        """Infer from the assistant's text which running calls have ended."""
        for intent, calls in self._running_calls.items():
            for task in calls[:]:
                if task is self._task:
                    self._replay_result(task, text, now)
                elif mentions_success(text, Intent(intent)):
                    calls.remove(task)

    def _replay_result(self, task: Task, text: str, now: datetime) -> None:
        result = infer_result(text, task, today=now.date())
        if result is not None:
            self._running_calls[task.intent].remove(task)
            self._finish_task(task, result, now)

    def _answer_unknown_call(self, name: str, result: dict[str, Any], now: datetime) -> Reply:
        """Respond to the result of an unknown call, from its name and result only."""
        if name not in Intent:
            return _say(small_talk.DONE if result.get("ok") is True else said(result))
        task = Task(intent=Intent(name), slots=Slots())
        sentences = answer(task, result, now.tzinfo)
        if self._stage in {Stage.ASKING, Stage.CALLING}:
            return self._remember_reply(_say(*sentences))
        self._task = task
        return self._remember_reply(_say(*sentences, *self._finish_task(task, result, now)))

    def _remember_reply(self, reply: Reply) -> Reply:
        """Remember the reply, for customers who ask to have it repeated."""
        self._last_reply = reply if reply.sentences else self._last_reply
        return reply

    def handle_interruption(self) -> None:
        """Handle a barge-in: a following "no" then means "stop talking"."""
        self._was_interrupted = True

    # Interpretation.

    def _interpret(self, text: str, now: datetime) -> Interpretation:
        """Interpret the text; a bare correction of a done task is read as an answer."""
        interpretation = interpret(text, now=now, requested=self._requested)
        if (
            self._stage is not Stage.DONE
            or self._task is None
            or any(interpretation.slots.filled())
        ):
            return interpretation
        if self._task.intent not in CORRECTED_WHEN_DONE or not is_correction(text):
            return interpretation
        again = interpret(text, now=now, requested=_correctable(self._task, ""))
        # "No, genial" is not a name.
        return again if is_full(again.slots.name) or not again.slots.name else interpretation

    def _handle(self, interpretation: Interpretation) -> Reply:
        if self._drops_task(interpretation):
            self._drop_task()
            return _say(small_talk.TASK_DROPPED)
        if self._says_goodbye(interpretation):
            self._drop_task()
            return _say(small_talk.BYE)
        interpretation = self._complete(interpretation)
        if (
            interpretation.operation is Operation.RESCHEDULE
            and interpretation.subject is Subject.ORDER
        ):
            return _say(small_talk.ORDERS_DO_NOT_CHANGE)
        if self._is_out_of_scope(interpretation):
            return _say(small_talk.OUT_OF_SCOPE)
        if interpretation.operation is not None and not self._only_fills_slots(interpretation):
            return self._start_task(interpretation)
        return (
            self._choose_alternative(interpretation)
            or self._update_task(interpretation)
            or self._small_talk(interpretation)
        )

    def _is_out_of_scope(self, interpretation: Interpretation) -> bool:
        """Return whether no tool can answer: prices of consultations, opening hours."""
        if (
            interpretation.operation is not Operation.LOOK_UP
            or interpretation.operation_is_explicit
            or not interpretation.is_question
        ):
            return False
        if interpretation.subject is Subject.APPOINTMENT and interpretation.aspect in {
            Aspect.TOTAL,
            Aspect.TRACKING,
        }:
            return True
        return (
            not interpretation.subject_is_named
            and self._task is None
            and interpretation.aspect is None
        )

    def _says_goodbye(self, interpretation: Interpretation) -> bool:
        return (
            DialogueAct.BYE in interpretation.acts
            and interpretation.operation is None
            and not any(interpretation.slots.filled())
        )

    def _drops_task(self, interpretation: Interpretation) -> bool:
        """Return whether the customer drops the task: "dejalo", or just "cancelá"."""
        if (
            self._task is None
            or self._stage is not Stage.ASKING
            or any(interpretation.slots.filled())
        ):
            return False
        gives_up = interpretation.operation is Operation.CANCEL and interpretation.subject is None
        is_other = self._task.intent not in {Intent.CANCEL_ORDER, Intent.CANCEL_APPOINTMENT}
        return (DialogueAct.STOP in interpretation.acts and interpretation.operation is None) or (
            gives_up and is_other
        )

    def _complete(self, interpretation: Interpretation) -> Interpretation:
        """Add what an incomplete intent said before, and the implied operation."""
        incomplete, self._incomplete = self._incomplete, None
        if interpretation.operation is not None:
            is_help = (
                DialogueAct.HELP in interpretation.acts and not interpretation.operation_is_explicit
            )
            return (
                replace(interpretation, operation=None)
                if is_help and not interpretation.subject_is_named
                else interpretation
            )
        if incomplete is not None and interpretation.subject is not None:
            return replace(
                incomplete,
                subject=interpretation.subject,
                slots=incomplete.slots.updated(interpretation.slots),
            )
        asks_more = interpretation.aspect is not None and self._task is not None
        names_one = interpretation.subject_is_named and interpretation.slots.number is not None
        if asks_more or (names_one and not self._awaits_answer):
            return replace(interpretation, operation=Operation.LOOK_UP)
        return interpretation

    def _only_fills_slots(self, interpretation: Interpretation) -> bool:
        """Return whether "quiero el viernes" or "decime para las diez" answers the question."""
        if interpretation.operation_is_explicit or self._task is None:
            return False
        is_other = (
            interpretation.subject_is_named
            and interpretation.subject is not self._task.intent.subject
        )
        return self._awaits_answer and any(interpretation.slots.filled()) and not is_other

    @property
    def _awaits_answer(self) -> bool:
        return self._stage is Stage.ASKING or bool(self._alternatives)

    # New intents.

    def _start_task(self, interpretation: Interpretation) -> Reply:
        subject = interpretation.subject or (self._task.intent.subject if self._task else None)
        if subject is None:
            self._incomplete = interpretation
            return _say(small_talk.WHAT_DO_YOU_NEED)
        assert interpretation.operation is not None
        intent = INTENTS.get((interpretation.operation, subject))
        if intent is None:
            return _say(small_talk.ORDERS_DO_NOT_CHANGE)
        if intent not in self._tools:
            return _say(small_talk.NO_TOOL)
        slots = self._carried_slots(interpretation, intent)
        task = Task(intent=intent, slots=Slots(), aspect=interpretation.aspect or Aspect.STATUS)
        return self._advance(task.updated(slots).updated(interpretation.slots))

    def _carried_slots(self, interpretation: Interpretation, intent: Intent) -> Slots:
        """Return the slots that carry over from the last task: identity and number."""
        if self._task is None:
            return Slots()
        before = self._task.slots
        if self._stage is Stage.ASKING and intent is self._task.intent:
            return before
        names: tuple[str, ...] = ()
        if not interpretation.slots.name and not interpretation.slots.dni:
            names += IDENTITY_SLOTS
        if intent.subject is self._task.intent.subject and not interpretation.another:
            names += ("number",)
        return before.only(*names)

    def _advance(self, task: Task) -> Reply:
        """Ask for the missing slots of `task`, or call its tool."""
        self._task = task
        self._alternatives = ()
        requested = task.missing_slots()
        self._requested = frozenset(requested)
        if requested:
            self._stage = Stage.ASKING
            return _say(question(task, requested))
        self._stage = Stage.CALLING
        self._running_calls.setdefault(task.intent, []).append(task)
        return Reply(tool_calls=(task.call(),))

    # Answers and corrections.

    def _update_task(self, interpretation: Interpretation) -> Reply | None:
        if self._task is None:
            return None
        moved = self._reschedule_after_booking(interpretation)
        if moved is not None:
            return self._advance(moved)
        if (
            self._stage is Stage.REFUSED
            and DialogueAct.YES in interpretation.acts
            and not any(interpretation.slots.filled())
        ):
            return self._advance(self._task)
        updated = self._task.updated(interpretation.slots)
        if updated != self._task and not self._is_final(interpretation):
            return self._advance(updated)
        return None

    def _is_final(self, interpretation: Interpretation) -> bool:
        """Return whether the task is final: adding a word must not create twice."""
        created = self._task is not None and self._task.intent in {
            Intent.CREATE_ORDER,
            Intent.BOOK_APPOINTMENT,
        }
        return created and self._stage is Stage.DONE and interpretation.operation is None

    def _reschedule_after_booking(self, interpretation: Interpretation) -> Task | None:
        """Return the task for "no, mejor a las once" after an appointment was made or moved."""
        task = self._task
        was_set = task is not None and task.intent in {
            Intent.BOOK_APPOINTMENT,
            Intent.RESCHEDULE_APPOINTMENT,
        }
        if task is None or not was_set or self._stage is not Stage.DONE:
            return None
        if (
            not (interpretation.slots.day or interpretation.slots.at)
            or Intent.RESCHEDULE_APPOINTMENT not in self._tools
        ):
            return None
        before = task.slots.only("number", "name", "day", "at")
        return Task(
            intent=Intent.RESCHEDULE_APPOINTMENT,
            slots=before.updated(interpretation.slots.only("day", "at")),
        )

    def _choose_alternative(self, interpretation: Interpretation) -> Reply | None:
        """Choose one of the offered times, or another that the customer names."""
        if not self._alternatives or self._task is None:
            return None
        chosen = self._chosen_alternative(interpretation)
        if chosen is not None:
            return self._advance(self._task.updated(Slots(day=chosen.date(), at=chosen.time())))
        if DialogueAct.NO in interpretation.acts and not any(interpretation.slots.filled()):
            self._alternatives = ()
            undecided = replace(self._task.slots, day=None, at=None)
            return self._advance(replace(self._task, slots=undecided))
        return None

    def _chosen_alternative(self, interpretation: Interpretation) -> datetime | None:
        at, day = interpretation.slots.at, interpretation.slots.day
        if at is not None and day is None:
            return next((moment for moment in self._alternatives if moment.time() == at), None)
        if interpretation.choice is not None and interpretation.choice < len(self._alternatives):
            return self._alternatives[interpretation.choice]
        is_yes = (
            DialogueAct.YES in interpretation.acts and DialogueAct.NO not in interpretation.acts
        )
        return self._alternatives[0] if is_yes and day is None else None

    # Results.

    def _finish_task(self, task: Task, result: dict[str, Any], now: datetime) -> tuple[str, ...]:
        """Record how the task ended; return the sentences that offer alternatives, if any."""
        if result.get("ok") is not True:
            return self._finish_refused_task(task, result, now)
        self._stage = Stage.DONE
        kind = "order" if task.intent.subject is Subject.ORDER else "appointment"
        number = record_of(result, kind).get("id")
        if number is not None:
            self._task = replace(task, slots=replace(task.slots, number=str(number)))
        return ()

    def _finish_refused_task(
        self, task: Task, result: dict[str, Any], now: datetime
    ) -> tuple[str, ...]:
        self._stage = Stage.REFUSED
        self._alternatives = alternatives_of(result, now.tzinfo)
        if self._alternatives:
            self._requested = frozenset({RequestedSlot.CHOICE})
            return offer(self._alternatives, task.slots.day)
        self._requested = _correctable(task, str(result.get("error")))
        return ()

    # Small talk.

    def _small_talk(self, interpretation: Interpretation) -> Reply:
        polite = small_talk.small_talk_reply(interpretation.acts)
        if self._task is not None and self._stage is Stage.ASKING:
            again = question(self._task, self._task.missing_slots())
            is_plea = interpretation.acts & {
                DialogueAct.HELP,
                DialogueAct.GREETING,
                DialogueAct.YES,
            }
            return _say(again if is_plea else f"{small_talk.NOT_UNDERSTOOD} {again}")
        if polite is not None:
            return _say(polite)
        if interpretation.subject is not None:
            return _say(small_talk.HELP)
        if interpretation.is_question:
            return _say(small_talk.OUT_OF_SCOPE)
        return _say(small_talk.NOT_UNDERSTOOD, small_talk.WHAT_DO_YOU_NEED)

    def _drop_task(self) -> None:
        self._task, self._stage = None, Stage.NONE
        self._requested, self._alternatives = frozenset(), ()


def _correctable(task: Task, code: str) -> frozenset[RequestedSlot]:
    """Return the slots that a bare answer to a refusal with this code would correct."""
    if "doctor" in code:
        return frozenset({RequestedSlot.DOCTOR})
    if (
        task.intent in {Intent.BOOK_APPOINTMENT, Intent.RESCHEDULE_APPOINTMENT}
        and "not_found" not in code
    ):
        return frozenset({RequestedSlot.DAY, RequestedSlot.TIME})
    return frozenset(GROUPS[task.intent][0]) & {
        RequestedSlot.NUMBER,
        RequestedSlot.IDENTITY,
        RequestedSlot.NAME,
    }


def _say(*sentences: str) -> Reply:
    """Return a final reply, with the end marker that the system prompt asks for."""
    *first, last = sentences
    return Reply(sentences=(*first, f"{last} {FINAL}"))


def _plain_text(reply: Reply) -> str:
    """Return the reply without its end marker."""
    return " ".join(reply.sentences).removesuffix(FINAL).strip()
