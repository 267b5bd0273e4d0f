"""The course of one conversation: what was heard, what is still missing, what is said next.

Theory. At any time there is at most one task. It's being asked about (something is missing), at a
tool, or done; a done task stays as what the talk is about, so that "no, el dos", "¿y qué productos
tiene?" and "cancelalo" are understood. What is heard is either a new wish, an answer or correction
to the task, a choice among the times offered, or a courtesy, in this order. Verbs alone make a new
wish while something is asked: "quiero el viernes" is an answer.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from enum import Enum, auto
from typing import Any

from nova_sonic_simulator.dialogue import small_talk
from nova_sonic_simulator.dialogue.directives import Direction, read_direction
from nova_sonic_simulator.dialogue.history import result_behind, tells_of, without_expected
from nova_sonic_simulator.dialogue.nlu.interpretation import (
    DialogueAct,
    Interpretation,
    is_correction,
    understand,
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
# What is cancelled or created by mistake isn't put right by doing it to another.
CORRECTED_WHEN_DONE = LOOKING_UP | {Intent.BOOK_APPOINTMENT, Intent.RESCHEDULE_APPOINTMENT}
IDENTITY_SLOTS = ("dni", "name", "mail")


class Stage(Enum):
    """How far the task is."""

    NONE = auto()
    ASKING = auto()
    CALLING = auto()
    DONE = auto()
    REFUSED = auto()


type _Calls = dict[str, list[Task]]


class DialogueManager:
    """One customer's conversation. Pure: no I/O, no clock."""

    def __init__(self, *, tools: frozenset[str]) -> None:
        self._tools = tools
        self._task: Task | None = None
        self._stage = Stage.NONE
        # What was asked for last, so that a bare answer can be read.
        self._asked: frozenset[RequestedSlot] = frozenset()
        # The free times offered in place of one that was taken.
        self._offered: tuple[datetime, ...] = ()
        # What was heard of a wish before it was clear what it's about.
        self._half: Interpretation | None = None
        # The tasks whose tools are running, by tool, in the order they were called; and those that
        # ran when the conversation was handed over.
        self._called: _Calls = {}
        self._called_before: _Calls = {}
        self._was_cut_off = False
        self._last_said = Reply()

    def restore(self, turns: Sequence[tuple[str, str]], *, now: datetime) -> None:
        """Be where a conversation was after these turns, each a role and a text; say nothing.

        What the customer said is taken as it was then. How tools answered stands nowhere, and is read
        out of what the assistant said. Tools that were still running are never called again.
        """
        expected = ""
        for role, text in turns:
            if role == "USER":
                expected = _plain(self.respond(text, now=now))
            else:
                said_then = text.replace(FINAL, "").strip()
                self._recall(without_expected(said_then, expected), now)
                self._last_said = Reply(sentences=(said_then,))
        self._called_before, self._called = self._called, {}

    def respond(self, text: str, *, now: datetime) -> Reply:
        """Answer what the customer said (typed or transcribed); `now` is aware, clinic zone."""
        if not text.strip():
            return Reply()
        if (direction := read_direction(text)) is not None:
            return self._follow(direction, now)
        heard = self._understood(text, now)
        cut_off, self._was_cut_off = self._was_cut_off, False
        if cut_off and heard.act is None and heard.moods & {DialogueAct.NO, DialogueAct.STOP}:
            return _say(small_talk.GO_ON)
        if DialogueAct.REPEAT in heard.moods and heard.act is None and self._last_said.sentences:
            return self._last_said
        return self._noted(self._take(heard))

    def respond_to_numbers(self, words: Sequence[str], *, now: datetime) -> Reply:
        """Answer words that were coded in the audio; the talk goes on as if they weren't said."""
        del now
        self._was_cut_off = False
        return _say(small_talk.words_heard(words)) if words else Reply()

    def handle_tool_result(
        self, *, tool_use_id: str, name: str, result: dict[str, Any], now: datetime
    ) -> Reply:
        """Answer from the tool's real result, and from nothing else."""
        del tool_use_id  # We don't know it: calls get their ids later. Calls of a tool queue up.
        calls = self._called.get(name)
        if not calls:
            return self._answer_unasked(name, result, now)
        task = calls.pop(0)
        if task is not self._task and task.wish in LOOKING_UP:
            # The customer has talked past it, and only changes still matter.
            return Reply()
        return self._answer(task, result, now)

    def _answer(self, task: Task, result: dict[str, Any], now: datetime) -> Reply:
        if task is not self._task:
            return _say(*answer(task, result, now.tzinfo))
        sentences = answer(task, result, now.tzinfo)
        return self._noted(_say(*sentences, *self._settle(task, result, now)))

    def _follow(self, direction: Direction, now: datetime) -> Reply:
        """Do what a direction says; nobody has interrupted anything by giving it."""
        self._was_cut_off = False
        if direction.result is None:
            return self._noted(Reply(sentences=direction.sentences))
        result = dict(direction.result)
        calls = self._called_before.get(direction.tool) or self._called.get(direction.tool)
        if not calls:
            return self._answer_unasked(direction.tool, result, now)
        return self._answer(calls.pop(0), result, now)

    def _recall(self, text: str, now: datetime) -> None:
        """Note what the assistant's words tell of calls that were running."""
        for wish, calls in self._called.items():
            for task in calls[:]:
                if task is self._task:
                    self._recall_result(task, text, now)
                elif tells_of(text, Intent(wish)):
                    calls.remove(task)

    def _recall_result(self, task: Task, text: str, now: datetime) -> None:
        result = result_behind(text, task, today=now.date())
        if result is not None:
            self._called[task.wish].remove(task)
            self._settle(task, result, now)

    def _answer_unasked(self, name: str, result: dict[str, Any], now: datetime) -> Reply:
        """Answer a call that isn't ours, from nothing but the tool's name and its result."""
        if name not in Intent:
            return _say(small_talk.DONE if result.get("ok") is True else said(result))
        task = Task(wish=Intent(name), slots=Slots())
        sentences = answer(task, result, now.tzinfo)
        if self._stage in {Stage.ASKING, Stage.CALLING}:
            return self._noted(_say(*sentences))
        self._task = task
        return self._noted(_say(*sentences, *self._settle(task, result, now)))

    def _noted(self, reply: Reply) -> Reply:
        """RestoreHistory what was said, for those who ask to hear it again."""
        self._last_said = reply if reply.sentences else self._last_said
        return reply

    def handle_interruption(self) -> None:
        """Note that the customer spoke over the last reply: a "no" then means "stop talking"."""
        self._was_cut_off = True

    # What was heard.

    def _understood(self, text: str, now: datetime) -> Interpretation:
        """Read the text; a bare correction of what is done is read as an answer would be."""
        heard = understand(text, now=now, needs=self._asked)
        if self._stage is not Stage.DONE or self._task is None or any(heard.slots.filled()):
            return heard
        if self._task.wish not in CORRECTED_WHEN_DONE or not is_correction(text):
            return heard
        again = understand(text, now=now, needs=_correctable(self._task, ""))
        # "No, genial" is nobody's name.
        return again if is_full(again.slots.name) or not again.slots.name else heard

    def _take(self, heard: Interpretation) -> Reply:
        if self._drops(heard):
            self._forget()
            return _say(small_talk.DROPPED)
        if self._says_goodbye(heard):
            self._forget()
            return _say(small_talk.BYE)
        heard = self._completed(heard)
        if heard.act is Operation.RESCHEDULE and heard.subject is Subject.ORDER:
            return _say(small_talk.ORDERS_DO_NOT_CHANGE)
        if self._is_beyond(heard):
            return _say(small_talk.NOT_KNOWN)
        if heard.act is not None and not self._only_answers(heard):
            return self._begin(heard)
        return self._choose(heard) or self._go_on(heard) or self._be_courteous(heard)

    def _is_beyond(self, heard: Interpretation) -> bool:
        """Whether something is asked that no tool tells: prices of consultations, opening hours."""
        if heard.act is not Operation.LOOK_UP or heard.act_is_decided or not heard.is_question:
            return False
        if heard.subject is Subject.APPOINTMENT and heard.aspect in {Aspect.TOTAL, Aspect.TRACKING}:
            return True
        return not heard.subject_is_named and self._task is None and heard.aspect is None

    def _says_goodbye(self, heard: Interpretation) -> bool:
        return (
            DialogueAct.BYE in heard.moods and heard.act is None and not any(heard.slots.filled())
        )

    def _drops(self, heard: Interpretation) -> bool:
        """Whether the customer gives up what was being asked: "dejalo", or a mere "cancelá"."""
        if self._task is None or self._stage is not Stage.ASKING or any(heard.slots.filled()):
            return False
        gives_up = heard.act is Operation.CANCEL and heard.subject is None
        is_other = self._task.wish not in {Intent.CANCEL_ORDER, Intent.CANCEL_APPOINTMENT}
        return (DialogueAct.STOP in heard.moods and heard.act is None) or (gives_up and is_other)

    def _completed(self, heard: Interpretation) -> Interpretation:
        """Add what a half-said wish said before, and the act that goes without saying."""
        half, self._half = self._half, None
        if heard.act is not None:
            is_help = DialogueAct.HELP in heard.moods and not heard.act_is_decided
            return replace(heard, act=None) if is_help and not heard.subject_is_named else heard
        if half is not None and heard.subject is not None:
            return replace(half, subject=heard.subject, slots=half.slots.updated(heard.slots))
        asks_more = heard.aspect is not None and self._task is not None
        names_one = heard.subject_is_named and heard.slots.number is not None
        if asks_more or (names_one and not self._awaits_answer):
            return replace(heard, act=Operation.LOOK_UP)
        return heard

    def _only_answers(self, heard: Interpretation) -> bool:
        """Whether "quiero el viernes" or "decime para las diez" answers what was asked."""
        if heard.act_is_decided or self._task is None:
            return False
        is_other = heard.subject_is_named and heard.subject is not self._task.wish.subject
        return self._awaits_answer and any(heard.slots.filled()) and not is_other

    @property
    def _awaits_answer(self) -> bool:
        return self._stage is Stage.ASKING or bool(self._offered)

    # New wishes.

    def _begin(self, heard: Interpretation) -> Reply:
        subject = heard.subject or (self._task.wish.subject if self._task else None)
        if subject is None:
            self._half = heard
            return _say(small_talk.WHAT_DO_YOU_NEED)
        assert heard.act is not None
        wish = INTENTS.get((heard.act, subject))
        if wish is None:
            return _say(small_talk.ORDERS_DO_NOT_CHANGE)
        if wish not in self._tools:
            return _say(small_talk.NO_TOOL)
        slots = self._remembered(heard, wish)
        task = Task(wish=wish, slots=Slots(), aspect=heard.aspect or Aspect.STATUS)
        return self._pursue(task.told(slots).told(heard.slots))

    def _remembered(self, heard: Interpretation, wish: Intent) -> Slots:
        """Return what still holds of the last task: who speaks, and which one is spoken of."""
        if self._task is None:
            return Slots()
        before = self._task.slots
        if self._stage is Stage.ASKING and wish is self._task.wish:
            return before
        names: tuple[str, ...] = ()
        if not heard.slots.name and not heard.slots.dni:
            names += IDENTITY_SLOTS
        if wish.subject is self._task.wish.subject and not heard.another:
            names += ("number",)
        return before.only(*names)

    def _pursue(self, task: Task) -> Reply:
        """Ask for what is missing of `task`, or call its tool."""
        self._task = task
        self._offered = ()
        needs = task.missing()
        self._asked = frozenset(needs)
        if needs:
            self._stage = Stage.ASKING
            return _say(question(task, needs))
        self._stage = Stage.CALLING
        self._called.setdefault(task.wish, []).append(task)
        return Reply(tool_calls=(task.call(),))

    # Answers and corrections.

    def _go_on(self, heard: Interpretation) -> Reply | None:
        if self._task is None:
            return None
        moved = self._moving_what_was_booked(heard)
        if moved is not None:
            return self._pursue(moved)
        if (
            self._stage is Stage.REFUSED
            and DialogueAct.YES in heard.moods
            and not any(heard.slots.filled())
        ):
            return self._pursue(self._task)
        told = self._task.told(heard.slots)
        if told != self._task and not self._is_final(heard):
            return self._pursue(told)
        return None

    def _is_final(self, heard: Interpretation) -> bool:
        """Whether the task is done for good: nobody creates twice by adding a word."""
        created = self._task is not None and self._task.wish in {
            Intent.CREATE_ORDER,
            Intent.BOOK_APPOINTMENT,
        }
        return created and self._stage is Stage.DONE and heard.act is None

    def _moving_what_was_booked(self, heard: Interpretation) -> Task | None:
        """Return the task of "no, mejor a las once" after an appointment was made or moved."""
        task = self._task
        was_set = task is not None and task.wish in {
            Intent.BOOK_APPOINTMENT,
            Intent.RESCHEDULE_APPOINTMENT,
        }
        if task is None or not was_set or self._stage is not Stage.DONE:
            return None
        if (
            not (heard.slots.day or heard.slots.at)
            or Intent.RESCHEDULE_APPOINTMENT not in self._tools
        ):
            return None
        before = task.slots.only("number", "name", "day", "at")
        return Task(
            wish=Intent.RESCHEDULE_APPOINTMENT, slots=before.updated(heard.slots.only("day", "at"))
        )

    def _choose(self, heard: Interpretation) -> Reply | None:
        """Take one of the times offered, or another that was said instead."""
        if not self._offered or self._task is None:
            return None
        chosen = self._chosen(heard)
        if chosen is not None:
            return self._pursue(self._task.told(Slots(day=chosen.date(), at=chosen.time())))
        if DialogueAct.NO in heard.moods and not any(heard.slots.filled()):
            self._offered = ()
            undecided = replace(self._task.slots, day=None, at=None)
            return self._pursue(replace(self._task, slots=undecided))
        return None

    def _chosen(self, heard: Interpretation) -> datetime | None:
        at, day = heard.slots.at, heard.slots.day
        if at is not None and day is None:
            return next((moment for moment in self._offered if moment.time() == at), None)
        if heard.choice is not None and heard.choice < len(self._offered):
            return self._offered[heard.choice]
        is_yes = DialogueAct.YES in heard.moods and DialogueAct.NO not in heard.moods
        return self._offered[0] if is_yes and day is None else None

    # Results.

    def _settle(self, task: Task, result: dict[str, Any], now: datetime) -> tuple[str, ...]:
        """Note how the task ended; return the sentences of an offer, if there is one."""
        if result.get("ok") is not True:
            return self._settle_refused(task, result, now)
        self._stage = Stage.DONE
        kind = "order" if task.wish.subject is Subject.ORDER else "appointment"
        number = record_of(result, kind).get("id")
        if number is not None:
            self._task = replace(task, slots=replace(task.slots, number=str(number)))
        return ()

    def _settle_refused(self, task: Task, result: dict[str, Any], now: datetime) -> tuple[str, ...]:
        self._stage = Stage.REFUSED
        self._offered = alternatives_of(result, now.tzinfo)
        if self._offered:
            self._asked = frozenset({RequestedSlot.CHOICE})
            return offer(self._offered, task.slots.day)
        self._asked = _correctable(task, str(result.get("error")))
        return ()

    # The rest.

    def _be_courteous(self, heard: Interpretation) -> Reply:
        polite = small_talk.courtesy(heard.moods)
        if self._task is not None and self._stage is Stage.ASKING:
            again = question(self._task, self._task.missing())
            is_plea = heard.moods & {DialogueAct.HELP, DialogueAct.GREETING, DialogueAct.YES}
            return _say(again if is_plea else f"{small_talk.NOT_UNDERSTOOD} {again}")
        if polite is not None:
            return _say(polite)
        if heard.subject is not None:
            return _say(small_talk.HELP)
        if heard.is_question:
            return _say(small_talk.NOT_KNOWN)
        return _say(small_talk.NOT_UNDERSTOOD, small_talk.WHAT_DO_YOU_NEED)

    def _forget(self) -> None:
        self._task, self._stage = None, Stage.NONE
        self._asked, self._offered = frozenset(), ()


def _correctable(task: Task, code: str) -> frozenset[RequestedSlot]:
    """Return what a bare answer to a refusal with this code would correct."""
    if "doctor" in code:
        return frozenset({RequestedSlot.DOCTOR})
    if (
        task.wish in {Intent.BOOK_APPOINTMENT, Intent.RESCHEDULE_APPOINTMENT}
        and "not_found" not in code
    ):
        return frozenset({RequestedSlot.DAY, RequestedSlot.TIME})
    return frozenset(GROUPS[task.wish][0]) & {
        RequestedSlot.NUMBER,
        RequestedSlot.IDENTITY,
        RequestedSlot.NAME,
    }


def _say(*sentences: str) -> Reply:
    """Return a final reply: the system prompt wants its end marked."""
    *first, last = sentences
    return Reply(sentences=(*first, f"{last} {FINAL}"))


def _plain(reply: Reply) -> str:
    """Return what is heard of a reply."""
    return " ".join(reply.sentences).removesuffix(FINAL).strip()
