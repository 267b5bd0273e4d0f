"""The turn: what is asked and not answered, and what the service does about it.

A turn has one state, its `TurnPhase`, and three lists of questions, by what has become of them. A
question is an utterance of the customer, or a *directive* of the server (greeting, goodbye). The lists
decide what the next session is asked when this one is lost: what waits is asked again, and for what is
at the tools the results are given again.

    ask ──► waiting ──begin_reply──► answering ──end_reply──► answered
               │                      ▲      │
               └──────call_tool──► at_tools ◄┘
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from conversations.domain import Utterance
from voice.calls.engine.state import TURN_TRANSITIONS, TurnPhase, TurnTrigger, next_phase

WAITS_FOR_SIGN = {TurnPhase.THINKING, TurnPhase.QUEUED}
REPLY_IS_COMING = {TurnPhase.SPEAKING, TurnPhase.QUEUED, TurnPhase.SPEAKING_OVER_TOOL}


@dataclass(frozen=True, slots=True)
class Question:
    """Something that needs an answer."""

    text: Utterance | str
    """An utterance of the customer, or a directive."""
    has_tool_calls: bool = False
    """Whether tools were called for it: then their results are given again, not the question."""

    @property
    def is_directive(self) -> bool:
        """Whether the server asked it."""
        return isinstance(self.text, str)


@dataclass(slots=True)
class TurnState:
    """The turn of a call. It is changed by its methods only."""

    phase: TurnPhase = TurnPhase.IDLE
    waiting: list[Question] = field(default_factory=list)
    """Asked; the service has shown no sign of it."""
    at_tools: list[Question] = field(default_factory=list)
    """Tools were called for it; no reply has begun since the results were given."""
    answering: list[Question] = field(default_factory=list)
    """The reply that is coming is about it; or the last reply was, where none is coming."""
    opened_in: int = 0
    """Number of the turn in which the oldest open question was asked, or the last one if none is open."""
    due_since: float = 0.0
    """Since when a sign of the service is due; meaningful in the phases `WAITS_FOR_SIGN`."""
    reply_turn: int = 0
    """Number of the turn in which the reply began."""
    is_directed: bool = False
    """Whether the newest question is a directive, answered or not."""

    # Facts

    @property
    def is_open(self) -> bool:
        """Whether an answer is due or coming."""
        return self.phase is not TurnPhase.IDLE

    @property
    def is_reply_coming(self) -> bool:
        """Whether the service is sending a reply."""
        return self.phase in REPLY_IS_COMING

    @property
    def is_tool_running(self) -> bool:
        """Whether the service waits for the result of a tool."""
        return self.phase in {TurnPhase.TOOL_RUNNING, TurnPhase.SPEAKING_OVER_TOOL}

    @property
    def unanswered_since(self) -> float | None:
        """Since when a sign of the service is due; None if none is."""
        return self.due_since if self.phase in WAITS_FOR_SIGN else None

    @property
    def directive(self) -> str | None:
        """The directive that waits for a session, if any."""
        return next((q.text for q in self.waiting if isinstance(q.text, str)), None)

    @property
    def waiting_utterances(self) -> list[Utterance]:
        """The customer's utterances that wait, in order."""
        return _utterances(self.waiting)

    @property
    def utterances_at_tools(self) -> list[Utterance]:
        """The customer's utterances that tools were called for, in order."""
        return _utterances(self.at_tools)

    # The customer, and the server in the customer's place

    def ask(self, utterance: Utterance, *, now: float) -> None:
        """Ask what the customer said. It replaces directives: the customer has moved on."""
        self._remove_directives()
        if not self.is_open or not (self.waiting or self.at_tools or self.answering):
            self.opened_in = utterance.turn
        self._add(Question(utterance), now=now)

    def direct(self, directive: str, *, turn: int, now: float) -> None:
        """Ask for something in the customer's place. It replaces everything that is open."""
        self._clear()
        self.opened_in = turn
        self._add(Question(directive), now=now)

    def restore(self, questions: Iterable[Utterance | str], *, opened_in: int, now: float) -> None:
        """Ask again what was open when another server had the call."""
        self.opened_in = opened_in
        for question in questions:
            self._add(Question(question), now=now)

    # The service

    def begin_reply(self, *, turn: int) -> None:
        """Record that the service plans or speaks."""
        if not self.is_reply_coming:
            if self.phase is not TurnPhase.TOOL_RUNNING:
                self.answering += self.at_tools
                self.at_tools.clear()
            self.answering += self.waiting
            self.waiting.clear()
            self.reply_turn = turn
        self._advance(TurnTrigger.REPLY_BEGAN)

    def call_tool(self, *, turn: int) -> None:
        """Record that the service calls a tool: the answer follows the result."""
        if not self.is_open:
            self.opened_in = turn
        called_for = self.answering
        self.answering = []
        if self.phase is not TurnPhase.QUEUED:  # there the tool is called for the older question
            called_for = [*called_for, *self.waiting]
            self.waiting = []
        self.at_tools += (replace(question, has_tool_calls=True) for question in called_for)
        self._advance(TurnTrigger.TOOL_CALLED)

    def give_results(self, *, now: float) -> None:
        """Record that no tool call is left without a result: the answer is due."""
        self.due_since = now
        self._advance(TurnTrigger.RESULTS_GIVEN)

    def end_reply(self) -> None:
        """Record that all audio of the reply has come."""
        self._end_reply(TurnTrigger.REPLY_ENDED)

    def interrupt(self) -> None:
        """Record that the customer spoke over the assistant: what was said until then was the answer."""
        self._end_reply(TurnTrigger.INTERRUPTED)

    # Sessions

    def lose_session(self) -> None:
        """Prepare to ask the next session everything that has no complete answer."""
        if self.is_open:
            lost, self.answering = self.answering, []
            self.waiting = [*(q for q in lost if not q.has_tool_calls), *self.waiting]
            self.at_tools += (question for question in lost if question.has_tool_calls)
        self._advance(TurnTrigger.SESSION_LOST)

    def expect_sign(self, *, now: float) -> None:
        """Expect a sign of the session that has just been asked, from now on."""
        self.due_since = now

    def drop(self) -> None:
        """Forget what is open: the next session is not asked for it."""
        if self.is_open:
            self._clear()
        self._advance(TurnTrigger.DROPPED)

    # Private methods

    def _add(self, question: Question, *, now: float) -> None:
        if not self.is_open:
            self.answering.clear()
        self.waiting.append(question)
        self.is_directed = question.is_directive
        self.due_since = now
        self._advance(TurnTrigger.ASKED)

    def _end_reply(self, trigger: TurnTrigger) -> None:
        before = self.phase
        self._advance(trigger)
        if not self.is_open:
            self._remove_directives()  # `answering` stays: see its docstring
        elif self.phase is not before:  # a newer question, or a tool call, is still open
            self.answering.clear()
            if self.waiting_utterances and not self.at_tools:
                self.opened_in = self.waiting_utterances[0].turn

    def _remove_directives(self) -> None:
        for questions in (self.waiting, self.at_tools, self.answering):
            questions[:] = (question for question in questions if not question.is_directive)

    def _clear(self) -> None:
        for questions in (self.waiting, self.at_tools, self.answering):
            questions.clear()

    def _advance(self, trigger: TurnTrigger) -> None:
        self.phase = next_phase(TURN_TRANSITIONS, self.phase, trigger)


def _utterances(questions: Iterable[Question]) -> list[Utterance]:
    return [question.text for question in questions if not isinstance(question.text, str)]
