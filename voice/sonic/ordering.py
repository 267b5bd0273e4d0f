"""What may be sent next: the order of events on our side of a session.

Rule 1: everything that decides the order lives in this file, and as far as it can be a
table, it is one. Rule 2: nothing here knows what a payload looks like.

Theory of operation. Two machines are coupled. The *session* (:data:`SESSION_TRANSITIONS`)
moves by steps; opening a content is a step, so the table says which contents a state
allows. The *block* (:data:`BLOCK_TRANSITIONS`) is the one text or tool content that may be
open: the microphone stays open beneath it, but while it lasts nothing may pass except what
belongs to it, since audio inside a block ends the session ("Chat history should be sent
completely before streaming audio").

An :class:`Ordering` is a value. :meth:`Ordering.after` gives the value that follows an
event, or raises; so a refused event changes nothing, and a whole block is tried out before
any of it is queued.

Warning: what the tables cannot show is in the methods that ask for names and roles:
:meth:`Ordering._require_fresh`, :meth:`Ordering._require_turn` and
:meth:`Ordering._require_awaited`.

Source: Amazon Nova 2 user guide, "Input events", "Chat history" and "Handling errors";
the text-block rule is LiveKit's pull request 6720.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self

from voice.sonic.errors import LocalProtocolError
from voice.sonic.events import (
    AudioContentStart,
    AudioInput,
    ContentEnd,
    ContentKind,
    InputEvent,
    PromptEnd,
    PromptStart,
    Role,
    SessionEnd,
    SessionStart,
    TextContentStart,
    TextInput,
    ToolContentStart,
    ToolResult,
    ToolUse,
)


class SessionState(StrEnum):
    """Where our side of a session stands."""

    NEW = "NEW"
    STARTED = "STARTED"
    PROMPTED = "PROMPTED"  # the system prompt comes next
    INSTRUCTED = "INSTRUCTED"  # history may come, then the microphone
    LISTENING = "LISTENING"  # the microphone is open
    MUTED = "MUTED"  # the microphone is closed, for good
    PROMPT_ENDED = "PROMPT_ENDED"
    ENDED = "ENDED"


class Step(StrEnum):
    """What moves a session."""

    SESSION_START = "sessionStart"
    PROMPT_START = "promptStart"
    SYSTEM_PROMPT = "system prompt"
    HISTORY = "history"
    MICROPHONE_OPENS = "audio contentStart"
    LIVE_TEXT = "interactive text"
    TOOL_RESULT = "tool result"
    MICROPHONE_CLOSES = "audio contentEnd"
    PROMPT_END = "promptEnd"
    SESSION_END = "sessionEnd"


SESSION_TRANSITIONS: Mapping[SessionState, Mapping[Step, SessionState]] = {
    SessionState.NEW: {Step.SESSION_START: SessionState.STARTED},
    SessionState.STARTED: {Step.PROMPT_START: SessionState.PROMPTED},
    SessionState.PROMPTED: {Step.SYSTEM_PROMPT: SessionState.INSTRUCTED},
    SessionState.INSTRUCTED: {
        Step.HISTORY: SessionState.INSTRUCTED,
        Step.MICROPHONE_OPENS: SessionState.LISTENING,
    },
    SessionState.LISTENING: {
        Step.LIVE_TEXT: SessionState.LISTENING,
        Step.TOOL_RESULT: SessionState.LISTENING,
        Step.MICROPHONE_CLOSES: SessionState.MUTED,
    },
    SessionState.MUTED: {Step.PROMPT_END: SessionState.PROMPT_ENDED},
    SessionState.PROMPT_ENDED: {Step.SESSION_END: SessionState.ENDED},
    SessionState.ENDED: {},
}
"""A prompt that never had audio cannot be ended: the service refuses promptEnd there."""


class BlockState(StrEnum):
    """Where the open text or tool block stands."""

    EMPTY = "EMPTY"
    FILLED = "FILLED"
    CLOSED = "CLOSED"


BLOCK_TRANSITIONS: Mapping[ContentKind, Mapping[BlockState, Mapping[str, BlockState]]] = {
    ContentKind.TEXT: {
        BlockState.EMPTY: {"textInput": BlockState.FILLED},
        BlockState.FILLED: {"textInput": BlockState.FILLED, "contentEnd": BlockState.CLOSED},
    },
    ContentKind.TOOL: {
        BlockState.EMPTY: {"toolResult": BlockState.FILLED},
        BlockState.FILLED: {"contentEnd": BlockState.CLOSED},
    },
}
"""A block holds one content event at least; a tool block holds exactly one."""

_BLOCK_EVENTS: Mapping[type, str] = {
    TextInput: "textInput",
    ToolResult: "toolResult",
    ContentEnd: "contentEnd",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The text or tool content that is open now."""

    content_name: str
    kind: ContentKind
    tool_use_id: str = ""
    state: BlockState = BlockState.EMPTY

    def after(self, event_name: str, content_name: str) -> Self:
        """Give the block as it is after that event. Raises LocalProtocolError."""
        if content_name != self.content_name:
            raise LocalProtocolError(f"{event_name} while block {self.content_name!r} is open")
        try:
            state = BLOCK_TRANSITIONS[self.kind][self.state][event_name]
        except KeyError:
            raise LocalProtocolError(f"{event_name} in a {self.kind} block {self.state}") from None
        return replace(self, state=state)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordering:
    """All that decides what may be sent next."""

    state: SessionState = SessionState.NEW
    prompt_name: str = ""
    microphone: str = ""
    block: Block | None = None
    used_names: frozenset[str] = frozenset()
    last_history_role: Role | None = None
    open_tool_uses: Mapping[str, ToolUse] = field(default_factory=dict)

    def after(self, event: InputEvent) -> "Ordering":
        """Give the ordering as it is after ``event``. Raises LocalProtocolError."""
        if isinstance(event, AudioInput):  # by far the most frequent, and it moves nothing
            self._require_listening(event)
            return self
        if self.block is None:
            return self._after_outside(event)
        return self._after_inside(self.block, event)

    def awaiting(self, tool_use: ToolUse) -> "Ordering":
        """Give the ordering that also waits for the answer to ``tool_use``."""
        awaited = {**self.open_tool_uses, tool_use.tool_use_id: tool_use}
        return replace(self, open_tool_uses=awaited)

    def abandoned(self) -> "Ordering":
        """Give the ordering in which nothing may follow and nobody waits."""
        return replace(self, state=SessionState.ENDED, block=None, open_tool_uses={})

    # Private methods, outside a block.

    def _after_outside(self, event: InputEvent) -> "Ordering":
        match event:
            case SessionStart():
                return replace(self, state=self._next(Step.SESSION_START))
            case PromptStart():
                state = self._next(Step.PROMPT_START)
                return replace(self, state=state, prompt_name=event.prompt_name)
            case AudioContentStart() | TextContentStart() | ToolContentStart():
                return self._with_content(event)
            case ContentEnd():
                self._require_microphone(event)
                return replace(self, state=self._next(Step.MICROPHONE_CLOSES), microphone="")
            case PromptEnd():
                self._require_prompt(event.prompt_name)
                return replace(self, state=self._next(Step.PROMPT_END))
            case SessionEnd():
                return replace(self, state=self._next(Step.SESSION_END))
            case _:
                raise LocalProtocolError(f"{type(event).__name__} outside a block")

    def _next(self, step: Step) -> SessionState:
        try:
            return SESSION_TRANSITIONS[self.state][step]
        except KeyError:
            raise LocalProtocolError(f"{step} in {self.state}") from None

    def _with_content(
        self, event: AudioContentStart | TextContentStart | ToolContentStart
    ) -> "Ordering":
        self._require_prompt(event.prompt_name)
        self._require_fresh(event.content_name)
        named = replace(self, used_names=self.used_names | {event.content_name})
        match event:
            case AudioContentStart():
                state = self._next(Step.MICROPHONE_OPENS)
                return replace(named, state=state, microphone=event.content_name)
            case TextContentStart():
                block = Block(content_name=event.content_name, kind=ContentKind.TEXT)
                state, history_role = self._spoken_to(event)
                return replace(named, state=state, block=block, last_history_role=history_role)
            case ToolContentStart():
                return replace(named, state=self._next(Step.TOOL_RESULT), block=self._answer(event))

    def _spoken_to(self, event: TextContentStart) -> tuple[SessionState, Role | None]:
        if event.role is Role.SYSTEM:
            return self._next(Step.SYSTEM_PROMPT), None
        if event.interactive:
            return self._next(Step.LIVE_TEXT), None
        state = self._next(Step.HISTORY)
        self._require_turn(event.role)
        return state, event.role

    def _answer(self, event: ToolContentStart) -> Block:
        self._require_awaited(event.tool_use_id)
        name, tool_use_id = event.content_name, event.tool_use_id
        return Block(content_name=name, kind=ContentKind.TOOL, tool_use_id=tool_use_id)

    # Private methods, inside a block.

    def _after_inside(self, block: Block, event: InputEvent) -> "Ordering":
        match event:
            case TextInput() | ToolResult() | ContentEnd():
                self._require_prompt(event.prompt_name)
            case _:
                name = type(event).__name__
                raise LocalProtocolError(f"{name} while block {block.content_name!r} is open")
        block = block.after(_BLOCK_EVENTS[type(event)], event.content_name)
        tool_uses = self.open_tool_uses
        if isinstance(event, ToolResult):
            tool_uses = {key: use for key, use in tool_uses.items() if key != block.tool_use_id}
        still_open = None if block.state is BlockState.CLOSED else block
        return replace(self, block=still_open, open_tool_uses=tool_uses)

    # Private methods for what no table can say.

    def _require_listening(self, event: AudioInput) -> None:
        if self.block is not None:
            raise LocalProtocolError(f"audio while block {self.block.content_name!r} is open")
        self._require_microphone(event)

    def _require_microphone(self, event: AudioInput | ContentEnd) -> None:
        self._require_prompt(event.prompt_name)
        if not self.microphone or event.content_name != self.microphone:
            raise LocalProtocolError(f"content {event.content_name!r} is not open")

    def _require_prompt(self, prompt_name: str) -> None:
        if not self.prompt_name or prompt_name != self.prompt_name:
            raise LocalProtocolError(f"prompt {prompt_name!r} is not open")

    def _require_fresh(self, content_name: str) -> None:
        if content_name in self.used_names:
            raise LocalProtocolError(f"content name {content_name!r} was used before")

    def _require_turn(self, role: Role) -> None:
        """History begins with the customer, and the two take turns."""
        expected = Role.ASSISTANT if self.last_history_role is Role.USER else Role.USER
        if role is not expected:
            raise LocalProtocolError(f"history by {role} where {expected} is due")

    def _require_awaited(self, tool_use_id: str) -> None:
        if tool_use_id not in self.open_tool_uses:
            raise LocalProtocolError(f"tool use {tool_use_id!r} is not open")
