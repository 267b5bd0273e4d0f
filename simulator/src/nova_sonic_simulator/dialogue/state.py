"""What a dialogue remembers: the task, what is asked or offered, and what was said last."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import Enum, auto

from nova_sonic_simulator.dialogue.nlu.interpretation import Interpretation
from nova_sonic_simulator.dialogue.reply import Reply
from nova_sonic_simulator.dialogue.setup import PromptStyle
from nova_sonic_simulator.dialogue.slots import RequestedSlot, Slots, Subject
from nova_sonic_simulator.dialogue.tasks import Task


class Stage(Enum):
    """States of the task."""

    NONE = auto()
    ASKING = auto()
    CALLING = auto()
    DONE = auto()
    REFUSED = auto()
    #: The customer did not want the change; its record stays the topic.
    DROPPED = auto()


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRecord:
    """One of the customer's own records, with the texts by which they may name it."""

    subject: Subject
    number: str
    names: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class DialogueState:
    """The state of one conversation."""

    style: PromptStyle
    task: Task | None = None
    """The task, or the topic once it is done."""
    stage: Stage = Stage.NONE
    requested: frozenset[RequestedSlot] = frozenset()
    """The slots asked for last, so that a bare answer can be interpreted."""
    confirmation: Confirmation | None = None
    confirmed: frozenset[object] = frozenset()
    doubtful_time: time | None = None
    """The time of day named last, if it may mean another one."""
    offer: Offer | None = None
    incomplete: Interpretation | None = None
    """An utterance whose subject was still unknown."""
    queued: deque[tuple[str, Slots, bool]] = field(default_factory=deque)
    """Further intents of an utterance, the slots that all of them share, and whether it was typed."""
    customer: Slots = field(default_factory=Slots)
    """The identity given last, to be proposed where a name is asked for."""
    listed: tuple[ListedRecord, ...] = ()
    """The customer's own records as they were listed last."""
    figures: str = ""
    """The first groups of a DNI that is given over several turns."""
    has_emergency: bool = False
    offers_message: bool = False
    was_interrupted: bool = False
    last_reply: Reply = field(default_factory=Reply)
    aside: Task | None = None
    """A look-up that answers a question about the change that waits for its confirmation."""
    last_refusal: str = ""
    """Why the last task was refused, for customers who ask why."""
    last_question: str = ""

    @property
    def awaits_answer(self) -> bool:
        """Whether a question or an offer is open."""
        return self.stage is Stage.ASKING or self.offer is not None

    def drop_task(self) -> None:
        """Forget the task and everything that was asked about it."""
        self.task, self.stage = None, Stage.NONE
        self.requested, self.offer, self.confirmation = frozenset(), None, None
        self.aside = None
        self.queued.clear()

    def drop_change(self) -> None:
        """Forget a change that the customer did not want; what it was about remains the topic."""
        task = self.task
        self.drop_task()
        self.task, self.stage = task, Stage.NONE if task is None else Stage.DROPPED

    def open_question(self) -> str:
        """Return the question that waits for an answer; "" if there is none."""
        if self.confirmation is not None:
            return self.confirmation.question
        return self.last_question if self.stage is Stage.ASKING else ""

    def final_reply(self, *sentences: str) -> Reply:
        """Return a final reply, with the end marker that the system prompt asks for."""
        return Reply(sentences=self.style.finish(tuple(filter(None, sentences))))

    def remember_reply(self, reply: Reply) -> Reply:
        """Remember the reply, for customers who ask to have it repeated."""
        self.last_reply = reply if reply.sentences else self.last_reply
        return reply


class RunningCalls:
    """The tasks whose tools run, by tool, in calling order."""

    def __init__(self) -> None:
        self._calls: dict[str, list[Task]] = {}
        # Those that were running when the conversation was restored.
        self._earlier: dict[str, list[Task]] = {}

    def start(self, task: Task) -> None:
        """Record that the task's tool was called."""
        self._calls.setdefault(task.intent, []).append(task)

    def finish(self, tool: str) -> Task | None:
        """Remove and return the task whose call of this tool is answered first; None if there is none."""
        calls = self._calls.get(tool)
        return calls.pop(0) if calls else None

    def finish_any(self, tool: str) -> Task | None:
        """Like `finish`; the calls of before the restoration are answered first."""
        earlier = self._earlier.get(tool)
        return earlier.pop(0) if earlier else self.finish(tool)

    def remove(self, task: Task) -> None:
        """Remove the task: its tool has answered."""
        self._calls[task.intent].remove(task)

    def tasks(self) -> list[Task]:
        """Return all tasks whose tools run."""
        return [task for calls in self._calls.values() for task in calls]

    def restored(self) -> None:
        """Record that the calls so far were made before the conversation was restored."""
        self._earlier, self._calls = self._calls, {}
