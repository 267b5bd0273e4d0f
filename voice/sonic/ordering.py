"""The order of input events: which event may be sent next.

Rule 1: everything that decides the order is in this file, in tables where possible. Rule 2: nothing
here depends on the form of a payload.

Theory of operation. Two state machines are coupled. The *session* (`SESSION_TRANSITIONS`) moves by
steps; opening a content is a step, so the table says which contents a state allows. The *block*
(`BLOCK_TRANSITIONS`) is the text or tool content that is open, at most one at a time. The audio
content stays open meanwhile, but while a block is open only its own events may be sent, since audio
inside a block ends the session ("Chat history should be sent completely before streaming audio").

An `Ordering` is a value. `Ordering.after` returns the value that follows an event, or raises. So a
refused event changes nothing, and a whole block is checked before any of it is queued.

The tables cannot express the rules about names and roles; those are in `_require_unused_name`,
`_require_alternating_role` and `_require_open_tool_use`.

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
    """State of the client's side of a session."""

    NEW = "NEW"
    STARTED = "STARTED"
    PROMPT_STARTED = "PROMPT_STARTED"  # the system prompt comes next
    SYSTEM_PROMPT_SENT = "SYSTEM_PROMPT_SENT"  # history may come, then the audio content
    AUDIO_OPEN = "AUDIO_OPEN"
    AUDIO_ENDED = "AUDIO_ENDED"  # it cannot be opened again
    PROMPT_ENDED = "PROMPT_ENDED"
    ENDED = "ENDED"


class Step(StrEnum):
    """An event or block that changes the state of a session."""

    SESSION_START = "sessionStart"
    PROMPT_START = "promptStart"
    SYSTEM_PROMPT = "system prompt"
    HISTORY = "history"
    AUDIO_START = "audio contentStart"
    INTERACTIVE_TEXT = "interactive text"
    TOOL_RESULT = "tool result"
    AUDIO_END = "audio contentEnd"
    PROMPT_END = "promptEnd"
    SESSION_END = "sessionEnd"


SESSION_TRANSITIONS: Mapping[SessionState, Mapping[Step, SessionState]] = {
    SessionState.NEW: {Step.SESSION_START: SessionState.STARTED},
    SessionState.STARTED: {Step.PROMPT_START: SessionState.PROMPT_STARTED},
    SessionState.PROMPT_STARTED: {Step.SYSTEM_PROMPT: SessionState.SYSTEM_PROMPT_SENT},
    SessionState.SYSTEM_PROMPT_SENT: {
        Step.HISTORY: SessionState.SYSTEM_PROMPT_SENT,
        Step.AUDIO_START: SessionState.AUDIO_OPEN,
    },
    SessionState.AUDIO_OPEN: {
        Step.INTERACTIVE_TEXT: SessionState.AUDIO_OPEN,
        Step.TOOL_RESULT: SessionState.AUDIO_OPEN,
        Step.AUDIO_END: SessionState.AUDIO_ENDED,
    },
    SessionState.AUDIO_ENDED: {Step.PROMPT_END: SessionState.PROMPT_ENDED},
    SessionState.PROMPT_ENDED: {Step.SESSION_END: SessionState.ENDED},
    SessionState.ENDED: {},
}
"""There is no promptEnd before the audio content: the service refuses it."""


class BlockState(StrEnum):
    """State of the open text or tool block."""

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
"""A text block holds one textInput or more; a tool block holds one toolResult."""

_BLOCK_EVENTS: Mapping[type, str] = {
    TextInput: "textInput",
    ToolResult: "toolResult",
    ContentEnd: "contentEnd",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The open text or tool content."""

    content_name: str
    kind: ContentKind
    tool_use_id: str = ""
    state: BlockState = BlockState.EMPTY

    def after(self, event_name: str, content_name: str) -> Self:
        """Return the block after an event. Raises LocalProtocolError if it is not allowed."""
        if content_name != self.content_name:
            raise LocalProtocolError(f"{event_name} while block {self.content_name!r} is open")
        try:
            state = BLOCK_TRANSITIONS[self.kind][self.state][event_name]
        except KeyError:
            raise LocalProtocolError(f"{event_name} in a {self.kind} block {self.state}") from None
        return replace(self, state=state)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordering:
    """Everything that decides which event may be sent next."""

    state: SessionState = SessionState.NEW
    prompt_name: str = ""
    audio_content: str = ""
    """Name of the open audio content; "" if none is open."""
    block: Block | None = None
    used_names: frozenset[str] = frozenset()
    last_history_role: Role | None = None
    open_tool_uses: Mapping[str, ToolUse] = field(default_factory=dict)

    def after(self, event: InputEvent) -> "Ordering":
        """Return the ordering after `event`. Raises LocalProtocolError if it is not allowed."""
        if isinstance(event, AudioInput):  # by far the most frequent; it changes nothing
            self._require_audio_allowed(event)
            return self
        if self.block is None:
            return self._after_outside(event)
        return self._after_inside(self.block, event)

    def with_tool_use(self, tool_use: ToolUse) -> "Ordering":
        """Return the ordering in which `tool_use` is open too."""
        open_tool_uses = {**self.open_tool_uses, tool_use.tool_use_id: tool_use}
        return replace(self, open_tool_uses=open_tool_uses)

    def ended(self) -> "Ordering":
        """Return the ordering in which nothing may follow and no tool use is open."""
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
                self._require_audio_content(event)
                return replace(self, state=self._next(Step.AUDIO_END), audio_content="")
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
        self._require_unused_name(event.content_name)
        named = replace(self, used_names=self.used_names | {event.content_name})
        match event:
            case AudioContentStart():
                state = self._next(Step.AUDIO_START)
                return replace(named, state=state, audio_content=event.content_name)
            case TextContentStart():
                block = Block(content_name=event.content_name, kind=ContentKind.TEXT)
                state, history_role = self._after_text_start(event)
                return replace(named, state=state, block=block, last_history_role=history_role)
            case ToolContentStart():
                return replace(
                    named, state=self._next(Step.TOOL_RESULT), block=self._tool_block(event)
                )

    def _after_text_start(self, event: TextContentStart) -> tuple[SessionState, Role | None]:
        if event.role is Role.SYSTEM:
            return self._next(Step.SYSTEM_PROMPT), None
        if event.interactive:
            return self._next(Step.INTERACTIVE_TEXT), None
        state = self._next(Step.HISTORY)
        self._require_alternating_role(event.role)
        return state, event.role

    def _tool_block(self, event: ToolContentStart) -> Block:
        self._require_open_tool_use(event.tool_use_id)
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

    # Private methods for the rules that are in no table.

    def _require_audio_allowed(self, event: AudioInput) -> None:
        if self.block is not None:
            raise LocalProtocolError(f"audio while block {self.block.content_name!r} is open")
        self._require_audio_content(event)

    def _require_audio_content(self, event: AudioInput | ContentEnd) -> None:
        self._require_prompt(event.prompt_name)
        if not self.audio_content or event.content_name != self.audio_content:
            raise LocalProtocolError(f"content {event.content_name!r} is not open")

    def _require_prompt(self, prompt_name: str) -> None:
        if not self.prompt_name or prompt_name != self.prompt_name:
            raise LocalProtocolError(f"prompt {prompt_name!r} is not open")

    def _require_unused_name(self, content_name: str) -> None:
        if content_name in self.used_names:
            raise LocalProtocolError(f"content name {content_name!r} was used before")

    def _require_alternating_role(self, role: Role) -> None:
        """Require that history begins with the customer and that the roles alternate."""
        expected = Role.ASSISTANT if self.last_history_role is Role.USER else Role.USER
        if role is not expected:
            raise LocalProtocolError(f"history by {role} where {expected} is due")

    def _require_open_tool_use(self, tool_use_id: str) -> None:
        if tool_use_id not in self.open_tool_uses:
            raise LocalProtocolError(f"tool use {tool_use_id!r} is not open")
