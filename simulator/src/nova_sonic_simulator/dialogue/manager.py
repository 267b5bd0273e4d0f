"""Dialogue manager: the state of one conversation, and the reply to each utterance.

At any time there is at most one task. It is being asked about (slots are missing), its tool runs, or it is
done. A done task remains the topic, so that "no, el dos", "¿y qué productos tiene?" and "cancelalo" are
understood. An utterance is, in this order: the answer to a yes-or-no question, a new intent, an answer or
correction of the task, a choice among offered alternatives, or small talk. Only explicit verbs start a new
intent while a question is open: "quiero el viernes" is an answer. An utterance with two intents is split;
the second one waits until the first is done.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from typing import Any

from nova_sonic_simulator.dialogue import small_talk
from nova_sonic_simulator.dialogue.directives import Directive, parse_directive
from nova_sonic_simulator.dialogue.general import GeneralDialogue
from nova_sonic_simulator.dialogue.history import infer_result, mentions_success, remove_expected
from nova_sonic_simulator.dialogue.inquiries import FREE_TIMES, find_inquiry, offered_times
from nova_sonic_simulator.dialogue.nlu.interpretation import (
    DialogueAct,
    Interpretation,
    interpret,
    is_correction,
)
from nova_sonic_simulator.dialogue.nlu.splitting import split_intents
from nova_sonic_simulator.dialogue.questions import confirm_name, confirm_time, question
from nova_sonic_simulator.dialogue.reply import Reply
from nova_sonic_simulator.dialogue.responses import (
    alternatives_of,
    answer,
    describe_outcome,
    is_successful,
    offer,
    record_id,
)
from nova_sonic_simulator.dialogue.results import describe
from nova_sonic_simulator.dialogue.schema_tools import properties_of
from nova_sonic_simulator.dialogue.setup import DialogueSetup
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

LOOKING_UP = frozenset({Intent.LOOK_UP_ORDER, Intent.LOOK_UP_APPOINTMENT})
CREATING = frozenset({Intent.CREATE_ORDER, Intent.BOOK_APPOINTMENT})
SCHEDULING = frozenset({Intent.BOOK_APPOINTMENT, Intent.RESCHEDULE_APPOINTMENT})
# A wrong cancellation or creation is not corrected by applying it to another record.
CORRECTED_WHEN_DONE = LOOKING_UP | SCHEDULING
IDENTITY_SLOTS = ("dni", "name", "email")
# People say round times; another minute was probably misheard.
ROUND_MINUTES = 5
CONFIRMATION_NEEDED = "confirmation_needed"
"""The error code of a tool that proposes a change, with the words to say."""


class Stage(Enum):
    """States of the task."""

    NONE = auto()
    ASKING = auto()
    CALLING = auto()
    DONE = auto()
    REFUSED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """A yes-or-no question about the task: the slots to set at yes, and those to clear at no."""

    question: str
    accepted: Slots
    cleared: tuple[str, ...] = ()
    is_change: bool = False
    """Whether a tool asked for it before it changes anything: no drops the task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Free times offered for a task in place of one that was taken."""

    task: Task
    times: tuple[datetime, ...]


type _Calls = dict[str, list[Task]]


class DialogueManager:
    """The dialogue with one customer. Pure: no I/O, no clock."""

    def __init__(self, setup: DialogueSetup) -> None:
        names = {tool.name for tool in setup.tools}
        self._style = setup.style
        self._parameters = {tool.name: properties_of(tool).keys() for tool in setup.tools}
        self._intents = frozenset(intent for intent in Intent if intent.value in names)
        others = tuple(tool for tool in setup.tools if tool.name not in Intent)
        self._other_tools = GeneralDialogue(replace(setup, tools=others)) if others else None
        self._task: Task | None = None
        self._stage = Stage.NONE
        # The slots asked for last, so that a bare answer can be interpreted.
        self._requested: frozenset[RequestedSlot] = frozenset()
        self._confirmation: Confirmation | None = None
        self._confirmed: frozenset[object] = frozenset()
        self._offer: Offer | None = None
        # An utterance whose subject was still unknown.
        self._incomplete: Interpretation | None = None
        # Further intents of an utterance, and the slots that all of them share.
        self._queued: deque[tuple[str, Slots]] = deque()
        # The identity given last, to be proposed where a name is asked for.
        self._customer = Slots()
        # Tasks with running tools, by tool, in calling order; and those that were running
        # when the conversation was restored.
        self._running_calls: _Calls = {}
        self._earlier_calls: _Calls = {}
        self._was_interrupted = False
        self._last_reply = Reply()
        self._last_refusal = ""
        self._last_question = ""

    def restore(self, turns: Sequence[tuple[str, str]], *, now: datetime) -> None:
        """Restore the state after these turns, each a role and a text.

        The customer's turns are interpreted as they were then. Tool results are inferred from the
        assistant's turns. Tools that were still running are not called again.
        """
        expected = ""
        for role, text in turns:
            if role == "USER":
                expected = self._style.strip_marker(self.respond(text, now=now).sentences)
            else:
                said_then = self._style.strip_marker((text,))
                self._replay_assistant(remove_expected(said_then, expected), now)
                self._last_reply = Reply(sentences=(said_then,))
        self._earlier_calls, self._running_calls = self._running_calls, {}
        self._queued.clear()

    def respond(self, text: str, *, now: datetime) -> Reply:
        """Respond to what the customer said or typed; `now` is aware, in the business's time zone."""
        if not text.strip():
            return Reply()
        if (directive := parse_directive(text)) is not None:
            return self._follow_directive(directive, now)
        first, *others = split_intents(text)
        interpretation = self._interpret(first, now)
        if others:
            shared = interpret(text, now=now).slots.only(*IDENTITY_SLOTS)
            self._queued.extend((other, shared) for other in others)
            slots = shared.updated(interpretation.slots)
            interpretation = replace(interpretation, slots=slots)
        return self._remember_reply(
            self._answer_meta(interpretation)
            or self._confirm_other_tool(text, now)
            or self._answer_inquiry(interpretation, text, now)
            or self._handle(interpretation, text, now)
        )

    def _answer_meta(self, said: Interpretation) -> Reply | None:
        """Return the reply to "stop talking" and "say that again"."""
        was_interrupted, self._was_interrupted = self._was_interrupted, False
        if said.operation is not None:
            return None
        if was_interrupted and said.acts & {DialogueAct.NO, DialogueAct.STOP}:
            return self._final_reply(small_talk.LISTENING)
        if DialogueAct.REPEAT in said.acts and self._last_reply.sentences:
            return self._last_reply
        return None

    def respond_to_numbers(self, words: Sequence[str], *, now: datetime) -> Reply:
        """Respond to numbers coded in the audio; the state of the dialogue does not change."""
        del now
        self._was_interrupted = False
        return self._final_reply(small_talk.describe_numbers(words)) if words else Reply()

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

    def handle_interruption(self) -> None:
        """Handle a barge-in: a following "no" then means "stop talking"."""
        self._was_interrupted = True

    # Results.

    def _answer(self, task: Task, result: dict[str, Any], now: datetime) -> Reply:
        sentences = answer(task, result, now.tzinfo, self._style.language)
        if task is not self._task:
            return self._final_reply(*sentences)
        sentences = (*sentences, *self._finish_task(task, result, now))
        return self._remember_reply(self._continue(sentences, now))

    def _continue(self, sentences: tuple[str, ...], now: datetime) -> Reply:
        """Say the sentences and go on with the next queued intent, if no question is open."""
        if not self._queued or self._offer is not None or self._confirmation is not None:
            return self._final_reply(*sentences)
        text, shared = self._queued.popleft()
        interpretation = self._interpret(text, now)
        slots = shared.updated(interpretation.slots)
        following = self._handle(replace(interpretation, slots=slots), text, now)
        return Reply(sentences=(*sentences, *following.sentences), tool_calls=following.tool_calls)

    def _follow_directive(self, directive: Directive, now: datetime) -> Reply:
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
            return self._remember_reply(self._answer_other_tool(name, result, now))
        task = Task(intent=Intent(name), slots=Slots())
        sentences = answer(task, result, now.tzinfo, self._style.language)
        if self._stage in {Stage.ASKING, Stage.CALLING}:
            return self._remember_reply(self._final_reply(*sentences))
        self._task = task
        return self._remember_reply(
            self._final_reply(*sentences, *self._finish_task(task, result, now))
        )

    def _answer_other_tool(self, name: str, result: dict[str, Any], now: datetime) -> Reply:
        if self._other_tools is None:
            return self._final_reply(*describe(result, self._style.language))
        if name == FREE_TIMES:
            self._offer_free_times(result)
        return self._other_tools.handle_tool_result(
            tool_use_id="", name=name, result=result, now=now
        )

    def _finish_task(self, task: Task, result: dict[str, Any], now: datetime) -> tuple[str, ...]:
        """Record how the task ended; return the sentences that offer alternatives, if any."""
        if not is_successful(result):
            return self._finish_refused_task(task, result, now)
        self._stage, self._offer = Stage.DONE, None
        number = record_id(task, result)
        if number is not None:
            self._task = replace(task, slots=replace(task.slots, number=str(number)))
        return ()

    def _finish_refused_task(
        self, task: Task, result: dict[str, Any], now: datetime
    ) -> tuple[str, ...]:
        if result.get("error") == CONFIRMATION_NEEDED:
            asked = answer(task, result, now.tzinfo, self._style.language)
            self._stage, self._last_question = Stage.ASKING, " ".join(asked)
            self._confirmation = Confirmation(
                question=self._last_question, accepted=Slots(), is_change=True
            )
            self._requested = _correctable(task, CONFIRMATION_NEEDED)
            return ()
        self._stage = Stage.REFUSED
        self._last_refusal = " ".join(answer(task, result, now.tzinfo, self._style.language))
        times = alternatives_of(result, now.tzinfo)
        if times:
            self._offer = Offer(task=task, times=times)
            self._requested = frozenset({RequestedSlot.CHOICE})
            return offer(times, task.slots.day)
        factors = _factors_asked_for(result)
        if factors:
            self._task = replace(task, factors=frozenset(factors))
            self._requested = frozenset(_REQUESTED_FACTORS[factor] for factor in factors)
            return ()
        self._requested = _correctable(task, str(result.get("error")))
        return ()

    def _remember_reply(self, reply: Reply) -> Reply:
        """Remember the reply, for customers who ask to have it repeated."""
        self._last_reply = reply if reply.sentences else self._last_reply
        return reply

    # Interpretation.

    def _interpret(self, text: str, now: datetime) -> Interpretation:
        """Interpret the text; a bare correction of a done task is read as an answer."""
        said = interpret(text, now=now, requested=self._requested)
        if self._stage is not Stage.DONE or self._task is None or any(said.slots.filled()):
            return said
        if self._task.intent not in CORRECTED_WHEN_DONE or not is_correction(text):
            return said
        again = interpret(text, now=now, requested=_correctable(self._task, ""))
        # "No, genial" is not a name.
        return again if is_full(again.slots.name) or not again.slots.name else said

    def _handle(self, said: Interpretation, text: str, now: datetime) -> Reply:
        for attempt in (
            self._answer_confirmation,
            self._answer_negation,
            self._answer_goodbye,
            self._answer_outcome,
        ):
            reply = attempt(said, now)
            if reply is not None:
                return reply
        said = self._complete(said)
        if said.operation is Operation.RESCHEDULE and said.subject is Subject.ORDER:
            return self._final_reply(small_talk.ORDERS_DO_NOT_CHANGE)
        if not (said.subject_is_named or said.operation_is_explicit or self._awaits_answer):
            other = self._call_other_tool(text, now)
            if other is not None:
                return other
        if self._is_out_of_scope(said):
            return self._call_other_tool(text, now) or self._final_reply(small_talk.OUT_OF_SCOPE)
        if said.operation is not None and not self._only_fills_slots(said):
            return self._start_task(said, now)
        return (
            self._choose_alternative(said, now)
            or self._update_task(said, now)
            or self._call_other_tool(text, now)
            or self._small_talk(said, text)
        )

    def _answer_confirmation(self, said: Interpretation, now: datetime) -> Reply | None:
        """Handle the answer to a yes-or-no question about the task."""
        confirmation, self._confirmation = self._confirmation, None
        task = self._task
        if confirmation is None or task is None or any(said.slots.filled()):
            return None
        if DialogueAct.NO in said.acts and confirmation.is_change:
            self._drop_task()
            return self._final_reply(small_talk.TASK_DROPPED)
        if DialogueAct.NO in said.acts:
            cleared = task.slots.without(*confirmation.cleared)
            self._customer = Slots()
            return self._advance(replace(task, slots=cleared), now)
        if DialogueAct.YES in said.acts:
            self._confirmed |= {confirmation.accepted}
            return self._advance(task.updated(confirmation.accepted), now)
        if said.operation is not None:
            return None
        self._confirmation = confirmation
        return self._final_reply(f"{small_talk.NOT_UNDERSTOOD} {confirmation.question}")

    def _answer_negation(self, said: Interpretation, now: datetime) -> Reply | None:
        """Handle "no canceles nada", with no other intent beside it."""
        del now
        if not said.negated or said.operation is not None or any(said.slots.filled()):
            return None
        if self._task is not None and self._stage is Stage.ASKING:
            self._drop_task()
            return self._final_reply(small_talk.TASK_DROPPED)
        return self._final_reply(small_talk.NOTHING_CHANGED)

    def _answer_goodbye(self, said: Interpretation, now: datetime) -> Reply | None:
        """Handle giving up the task, and goodbyes."""
        del now
        is_bare = not any(said.slots.filled())
        if self._gives_up(said) and is_bare:
            self._drop_task()
            return self._final_reply(small_talk.TASK_DROPPED)
        if DialogueAct.BYE in said.acts and said.operation is None and is_bare:
            self._drop_task()
            return self._final_reply(small_talk.BYE)
        return None

    def _gives_up(self, said: Interpretation) -> bool:
        """Return whether the customer drops the open task: "dejalo", or just "cancelá"."""
        if self._task is None or self._stage is not Stage.ASKING:
            return False
        is_cancel = said.operation is Operation.CANCEL and said.subject is None
        is_other = self._task.intent not in {Intent.CANCEL_ORDER, Intent.CANCEL_APPOINTMENT}
        is_stop = DialogueAct.STOP in said.acts and said.operation is None
        return is_stop or (is_cancel and is_other)

    def _answer_outcome(self, said: Interpretation, now: datetime) -> Reply | None:
        """Handle "¿quedó cancelado?" about the task."""
        task = self._task
        if not said.asks_outcome or said.operation_is_explicit or task is None:
            return None
        if said.slots.number not in {None, task.slots.number}:
            return None
        if task.intent in LOOKING_UP:
            return self._advance(task, now)
        outcomes = {
            Stage.DONE: (describe_outcome(task),),
            Stage.CALLING: (small_talk.STILL_RUNNING,),
            Stage.ASKING: (small_talk.NOT_YET, self._last_question),
        }
        refused = (small_talk.NOT_DONE, self._last_refusal)
        return self._final_reply(*outcomes.get(self._stage, refused))

    def _complete(self, said: Interpretation) -> Interpretation:
        """Add what an incomplete intent said before, and the implied operation."""
        incomplete, self._incomplete = self._incomplete, None
        if said.operation is not None:
            is_help = DialogueAct.HELP in said.acts and not said.operation_is_explicit
            return replace(said, operation=None) if is_help and not said.subject_is_named else said
        if incomplete is not None and said.subject is not None:
            slots = incomplete.slots.updated(said.slots)
            return replace(incomplete, subject=said.subject, slots=slots)
        asks_more = said.aspect is not None and self._task is not None
        names_one = said.subject_is_named and said.slots.number is not None
        if asks_more or (names_one and not self._awaits_answer):
            return replace(said, operation=Operation.LOOK_UP)
        return said

    def _is_out_of_scope(self, said: Interpretation) -> bool:
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
        return not said.subject_is_named and self._task is None and said.aspect is None

    def _only_fills_slots(self, said: Interpretation) -> bool:
        """Return whether "quiero el viernes" or "decime para las diez" answers the question."""
        if said.operation_is_explicit or self._task is None:
            return False
        is_other = said.subject_is_named and said.subject is not self._task.intent.subject
        return self._awaits_answer and any(said.slots.filled()) and not is_other

    @property
    def _awaits_answer(self) -> bool:
        return self._stage is Stage.ASKING or self._offer is not None

    # New intents.

    def _start_task(self, said: Interpretation, now: datetime) -> Reply:
        subject = said.subject or (self._task.intent.subject if self._task else None)
        if subject is None:
            self._incomplete = said
            return self._final_reply(small_talk.WHAT_DO_YOU_NEED)
        assert said.operation is not None
        intent = INTENTS.get((said.operation, subject))
        if intent is None:
            return self._final_reply(small_talk.ORDERS_DO_NOT_CHANGE)
        if intent not in self._intents:
            return self._final_reply(small_talk.NO_TOOL)
        if intent in CREATING and self._stage is not Stage.ASKING:
            self._offer = None
        slots = self._carried_slots(said, intent)
        aspect, factors = said.aspect or Aspect.STATUS, self._carried_factors(slots)
        task = Task(intent=intent, slots=Slots(), aspect=aspect, factors=factors)
        return self._advance(task.updated(slots).updated(said.slots), now)

    def _carried_slots(self, said: Interpretation, intent: Intent) -> Slots:
        """Return the slots that carry over from the last task: identity and number."""
        if said.for_someone_else:
            self._customer = Slots()
        if self._task is None:
            return Slots()
        before = self._task.slots
        if self._stage is Stage.ASKING and intent is self._task.intent:
            return before
        names: tuple[str, ...] = ()
        is_same_person = not (said.slots.name or said.slots.dni or said.for_someone_else)
        if is_same_person and intent not in CREATING:
            names += IDENTITY_SLOTS
        if intent.subject is self._task.intent.subject and not said.another:
            names += ("number",)
        return before.only(*names)

    def _carried_factors(self, carried: Slots) -> frozenset[str]:
        """Return the factors that the customer gave for the same record."""
        if self._task is None or carried.number is None:
            return frozenset()
        return self._task.factors | ({"email"} if self._task.intent in CREATING else frozenset())

    def _advance(self, task: Task, now: datetime) -> Reply:
        """Ask for the missing slots of `task`, or call its tool."""
        task, problem = _without_past(task, now)
        self._task, self._confirmation = task, None
        if task.slots.name and is_full(task.slots.name):
            self._customer = self._customer.updated(task.slots.only("name", "email"))
        requested = task.missing_slots()
        self._requested = frozenset(requested)
        if requested:
            self._stage = Stage.ASKING
            self._confirmation = self._propose_name(task, requested)
            asked = self._confirmation.question if self._confirmation else question(task, requested)
            self._last_question = asked
            return self._final_reply(*problem, asked)
        if task.intent in SCHEDULING and (unsure := self._unsure_time(task)):
            self._stage, self._confirmation = Stage.ASKING, unsure
            self._requested = frozenset({RequestedSlot.TIME})
            return self._final_reply(unsure.question)
        return self._call(task)

    def _call(self, task: Task) -> Reply:
        self._stage = Stage.CALLING
        if self._offer is not None and task.intent is self._offer.task.intent:
            self._offer = None
        self._running_calls.setdefault(task.intent, []).append(task)
        return Reply(tool_calls=(task.call(self._parameters.get(task.intent, ())),))

    def _propose_name(
        self, task: Task, requested: tuple[RequestedSlot, ...]
    ) -> Confirmation | None:
        """Propose the name of the customer known so far for something new."""
        known = self._customer
        if task.intent not in CREATING or requested != (RequestedSlot.NAME,) or not known.name:
            return None
        if task.slots.name is not None:
            return None
        return Confirmation(question=confirm_name(known.name), accepted=known)

    def _unsure_time(self, task: Task) -> Confirmation | None:
        at = task.slots.at
        if at is None or at.minute % ROUND_MINUTES == 0:
            return None
        accepted = Slots(at=at)
        if accepted in self._confirmed:
            return None
        return Confirmation(question=confirm_time(at), accepted=accepted, cleared=("at",))

    # Answers and corrections.

    def _update_task(self, said: Interpretation, now: datetime) -> Reply | None:
        if self._task is None:
            return None
        moved = self._reschedule_after_booking(said)
        if moved is not None:
            return self._advance(moved, now)
        is_bare_yes = DialogueAct.YES in said.acts and not any(said.slots.filled())
        if self._stage is Stage.REFUSED and is_bare_yes:
            return self._advance(self._task, now)
        updated = self._task.updated(said.slots)
        if updated != self._task and not self._is_final(said):
            return self._advance(updated, now)
        return None

    def _is_final(self, said: Interpretation) -> bool:
        """Return whether the task is final: adding a word must not create twice."""
        created = self._task is not None and self._task.intent in CREATING
        return created and self._stage is Stage.DONE and said.operation is None

    def _reschedule_after_booking(self, said: Interpretation) -> Task | None:
        """Return the task for "no, mejor a las once" after an appointment was made or moved."""
        task = self._task
        if task is None or task.intent not in SCHEDULING or self._stage is not Stage.DONE:
            return None
        can_move = Intent.RESCHEDULE_APPOINTMENT in self._intents
        if not (said.slots.day or said.slots.at) or not can_move:
            return None
        before = task.slots.only("number", *IDENTITY_SLOTS, "day", "at")
        return Task(
            intent=Intent.RESCHEDULE_APPOINTMENT,
            factors=task.factors,
            slots=before.updated(said.slots.only("day", "at")),
        )

    def _choose_alternative(self, said: Interpretation, now: datetime) -> Reply | None:
        """Choose one of the offered times, or another that the customer names."""
        if self._offer is None:
            return None
        chosen = self._chosen_alternative(said, self._offer.times)
        if chosen is not None:
            slots = Slots(day=chosen.date(), at=chosen.time())
            return self._advance(self._offer.task.updated(slots), now)
        if DialogueAct.OFFERS in said.acts or DialogueAct.REPEAT in said.acts:
            return self._final_reply(*offer(self._offer.times, None))
        if DialogueAct.NO in said.acts and not any(said.slots.filled()):
            task, self._offer = self._offer.task, None
            undecided = replace(task.slots, day=None, at=None)
            return self._advance(replace(task, slots=undecided), now)
        return None

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

    # Other tools and small talk.

    def _answer_inquiry(self, said: Interpretation, text: str, now: datetime) -> Reply | None:
        """Return the reply to a question about free times or one's own records, else None."""
        if self._other_tools is None:
            return None
        identity = self._customer.updated(said.slots.only(*IDENTITY_SLOTS))
        doctor = self._task.slots.doctor if self._task is not None else None
        call = find_inquiry(text, self._parameters, known=identity, doctor=doctor, now=now)
        return None if call is None else self._other_tools.begin(call)

    def _offer_free_times(self, result: Mapping[str, Any]) -> None:
        """Let the customer choose one of the free times of one doctor for a new appointment."""
        doctor, times = offered_times(result)
        if doctor is None or not times or Intent.BOOK_APPOINTMENT not in self._intents:
            return
        days = {moment.date() for moment in times}
        open_task = self._task if self._stage is Stage.ASKING else None
        if open_task is not None and open_task.intent in SCHEDULING:
            self._offer = Offer(task=open_task, times=times)
        else:
            day = days.pop() if len(days) == 1 else None
            task = Task(intent=Intent.BOOK_APPOINTMENT, slots=Slots(doctor=doctor, day=day))
            self._task, self._stage = task, Stage.REFUSED
            self._offer = Offer(task=task, times=times)
        self._requested = frozenset({RequestedSlot.CHOICE})

    def _call_other_tool(self, text: str, now: datetime) -> Reply | None:
        return self._other_tools.call_tool(text, now=now) if self._other_tools else None

    def _confirm_other_tool(self, text: str, now: datetime) -> Reply | None:
        if self._other_tools is None or self._awaits_answer:
            return None
        return self._other_tools.answer_confirmation(text, now=now)

    def _small_talk(self, said: Interpretation, text: str) -> Reply:
        polite = small_talk.small_talk_reply(said.acts, self._style)
        if self._task is not None and self._stage is Stage.ASKING:
            again = question(self._task, self._task.missing_slots())
            is_plea = said.acts & {DialogueAct.HELP, DialogueAct.GREETING, DialogueAct.YES}
            before = small_talk.patience(said.acts)
            if before is not None:
                return self._final_reply(before, again)
            return self._final_reply(again if is_plea else f"{small_talk.NOT_UNDERSTOOD} {again}")
        if polite is not None:
            return self._final_reply(polite)
        if said.subject is not None:
            return self._final_reply(small_talk.HELP)
        if said.is_question:
            return self._final_reply(small_talk.OUT_OF_SCOPE)
        return self._final_reply(small_talk.not_understood(text), small_talk.WHAT_DO_YOU_NEED)

    def _drop_task(self) -> None:
        self._task, self._stage = None, Stage.NONE
        self._requested, self._offer, self._confirmation = frozenset(), None, None
        self._queued.clear()

    def _final_reply(self, *sentences: str) -> Reply:
        """Return a final reply, with the end marker that the system prompt asks for."""
        return Reply(sentences=self._style.finish(tuple(filter(None, sentences))))


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


_REQUESTED_FACTORS = {"dni": RequestedSlot.IDENTITY, "email": RequestedSlot.MAIL}


def _factors_asked_for(result: Mapping[str, Any]) -> list[str]:
    """Return the slots that a refusal asks for to prove the customer's identity."""
    names = result.get("accepts") or result.get("askFor")
    return [name for name in names if name in _REQUESTED_FACTORS] if isinstance(names, list) else []


def _correctable(task: Task, code: str) -> frozenset[RequestedSlot]:
    """Return the slots that a bare answer to a refusal with this code would correct."""
    if "doctor" in code:
        return frozenset({RequestedSlot.DOCTOR})
    if task.intent in SCHEDULING and "not_found" not in code:
        return frozenset({RequestedSlot.DAY, RequestedSlot.TIME})
    return frozenset(GROUPS[task.intent][0]) & {
        RequestedSlot.NUMBER,
        RequestedSlot.IDENTITY,
        RequestedSlot.NAME,
    }
