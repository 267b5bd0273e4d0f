"""Ordering rules of a session, and the errors for breaking them.

From the pages "Input events", "Chat history", "Cross-modal input" and "Error handling" of the user
guides, and from public reports of clients (README.md lists the source of each rule). Pure.

Two coupled state machines. The session passes through NEW, STARTED, PROMPTED, PROMPT_ENDED, ENDED.
Within PROMPTED, blocks are opened and closed under names that are never reused; several may be open at
once, because the audio block stays open while tool results are sent. No other block and no audio may
come inside a text block. A rejected event changes nothing, although the service then ends the stream.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from nova_sonic_simulator.protocol.errors import INVALID_INPUT, LATE_HISTORY, TOOL_RESULT
from nova_sonic_simulator.protocol.families import Family, HistoryLimits
from nova_sonic_simulator.protocol.input_events import (
    AudioInput,
    AudioStart,
    ContentEnd,
    InputEvent,
    PromptEnd,
    PromptStart,
    SessionEnd,
    SessionStart,
    TextInput,
    TextStart,
    ToolResult,
    ToolStart,
)
from nova_sonic_simulator.protocol.parsing import parse_event
from nova_sonic_simulator.protocol.schema import refuse


class Stage(Enum):
    """States of a session."""

    NEW = auto()
    STARTED = auto()
    PROMPTED = auto()
    PROMPT_ENDED = auto()
    ENDED = auto()


@dataclass(slots=True)
class _Block:
    """An open block: the event that opened it, and whether it has content."""

    start: TextStart | AudioStart | ToolStart
    filled: bool = False


@dataclass(slots=True)
class _History:
    """The chat history sent before the audio: USER and ASSISTANT alternate, USER first."""

    limits: HistoryLimits
    roles: list[str] = field(default_factory=list)
    message_bytes: int = 0
    total_bytes: int = 0

    def open_message(self, role: str) -> None:
        expected = "ASSISTANT" if self.roles[-1:] == ["USER"] else "USER"
        if role != expected:
            refuse(INVALID_INPUT, f"history where {expected} speaks next has {role}")
        if self.limits.messages is not None and len(self.roles) >= self.limits.messages:
            refuse(INVALID_INPUT, f"history of more than {self.limits.messages} messages")
        self.roles.append(role)
        self.message_bytes = 0

    def add(self, text: str) -> None:
        limits, length = self.limits, len(text.encode(errors="surrogatepass"))
        if limits.text_input_bytes is not None and length > limits.text_input_bytes:
            refuse(INVALID_INPUT, f"history with a textInput of {length} bytes")
        if self.message_bytes + length > limits.message_bytes:
            refuse(INVALID_INPUT, f"history with a message over {limits.message_bytes} bytes")
        if self.total_bytes + length > limits.total_bytes:
            refuse(INVALID_INPUT, f"history of more than {limits.total_bytes} bytes")
        self.message_bytes += length
        self.total_bytes += length


class SessionRules:
    """Checks input events one by one and rejects what the service rejects."""

    def __init__(self, family: Family, *, reject_audio_during_tools: bool = False) -> None:
        """Create the rules; `reject_audio_during_tools` follows one report about 2.5."""
        self.stage = Stage.NEW
        self.audio_started = False
        self._family = family
        self._rejects_audio_during_tools = reject_audio_during_tools
        self._prompt_name = ""
        self._blocks: dict[str, _Block] = {}
        self._names_used: set[str] = set()
        self._has_system_prompt = False
        self._history = _History(family.history)
        self._open_tool_uses: set[str] = set()

    @property
    def pending_tool_uses(self) -> Sequence[str]:
        """Return the ids of the tool uses without a result."""
        return sorted(self._open_tool_uses)

    def register_tool_use(self, tool_use_id: str) -> None:
        """Register a tool use that was sent to the client."""
        self._open_tool_uses.add(tool_use_id)

    def receive(self, payload: bytes) -> InputEvent:
        """Parse and accept an event; raises RefusedError."""
        event = parse_event(payload)
        self.accept(event)
        return event

    def accept(self, event: InputEvent) -> None:
        """Accept the next event; raises RefusedError and then changes nothing."""
        match event:
            case SessionStart():
                self._start_session(event)
            case PromptStart():
                self._start_prompt(event)
            case TextStart() | AudioStart() | ToolStart():
                self._open_block(event)
            case TextInput() | AudioInput() | ToolResult():
                self._fill_block(event)
            case ContentEnd():
                self._close_block(event)
            case PromptEnd():
                self._end_prompt(event)
            case SessionEnd():
                self._end_session()

    def _start_session(self, event: SessionStart) -> None:
        if self.stage is not Stage.NEW:
            refuse(INVALID_INPUT, "a second sessionStart")
        if event.sensitivity is not None and not self._family.turn_detection:
            refuse(INVALID_INPUT, "turn detection on a model without")
        self.stage = Stage.STARTED

    def _start_prompt(self, event: PromptStart) -> None:
        if self.stage is not Stage.STARTED:
            refuse(INVALID_INPUT, f"promptStart when {self.stage.name}")
        if event.voice_id not in self._family.voices:
            refuse(INVALID_INPUT, f"no voice {event.voice_id[:40]!r} in this model")
        self._prompt_name = event.prompt_name
        self.stage = Stage.PROMPTED

    def _open_block(self, start: TextStart | AudioStart | ToolStart) -> None:
        self._check_prompt(start.prompt_name)
        if start.content_name in self._names_used:
            refuse(INVALID_INPUT, "a contentName used before")
        if self._text_is_open:
            audio = isinstance(start, AudioStart)
            refuse(LATE_HISTORY if audio else INVALID_INPUT, "a block inside a block of text")
        match start:
            case TextStart():
                self._open_text(start)
            case AudioStart():
                self._open_audio()
            case ToolStart():
                self._open_tool_result(start)
        self._names_used.add(start.content_name)
        self._blocks[start.content_name] = _Block(start)

    def _open_text(self, start: TextStart) -> None:
        if self.audio_started:
            self._check_live_text(start)
        elif start.role in ("SYSTEM", "SYSTEM_SPEECH"):
            self._open_system_text(start)
        elif not self._has_system_prompt:
            refuse(INVALID_INPUT, "history before the system prompt")
        else:
            self._history.open_message(start.role)

    def _check_live_text(self, start: TextStart) -> None:
        if not start.interactive:
            refuse(LATE_HISTORY, "text that isn't interactive after the audio began")
        if start.role != "USER":
            refuse(INVALID_INPUT, f"interactive text by {start.role}")
        if not any(isinstance(block.start, AudioStart) for block in self._blocks.values()):
            refuse(INVALID_INPUT, "interactive text after the microphone was closed")

    def _open_system_text(self, start: TextStart) -> None:
        if self._history.roles:
            refuse(INVALID_INPUT, "a system prompt behind history")
        if start.role == "SYSTEM_SPEECH" and not self._family.system_speech:
            refuse(INVALID_INPUT, "SYSTEM_SPEECH on a model without")
        if start.role == "SYSTEM":
            if self._has_system_prompt:
                refuse(INVALID_INPUT, "a second system prompt")
            self._has_system_prompt = True

    def _open_audio(self) -> None:
        if self.audio_started:
            refuse(INVALID_INPUT, "a second block of audio")
        self.audio_started = True

    def _open_tool_result(self, start: ToolStart) -> None:
        if start.tool_use_id not in self._open_tool_uses:
            refuse(INVALID_INPUT, "a result for a tool use that isn't open")
        self._open_tool_uses.remove(start.tool_use_id)

    def _fill_block(self, event: TextInput | AudioInput | ToolResult) -> None:
        self._check_prompt(event.prompt_name)
        block = self._blocks.get(event.content_name)
        start = block.start if block else None
        match event, start:
            case TextInput(), TextStart():
                self._fill_text(event, start)
            case AudioInput(), AudioStart():
                self._fill_audio()
            case ToolResult(), ToolStart():
                if block is not None and block.filled:
                    refuse(INVALID_INPUT, "a second result in one block")
            case TextInput(), ToolStart():
                refuse(TOOL_RESULT, "text where a tool's result belongs")
            case _:
                refuse(INVALID_INPUT, f"{type(event).__name__} into no block of its kind")
        if block is not None:
            block.filled = True

    def _fill_text(self, event: TextInput, start: TextStart) -> None:
        if start.role in ("USER", "ASSISTANT") and not self.audio_started:
            self._history.add(event.content)

    def _fill_audio(self) -> None:
        if self._text_is_open:
            refuse(LATE_HISTORY, "audio inside a block of text")
        if self._rejects_audio_during_tools and self._open_tool_uses:
            refuse(INVALID_INPUT, "audio while a tool runs")

    def _close_block(self, event: ContentEnd) -> None:
        self._check_prompt(event.prompt_name)
        block = self._blocks.get(event.content_name)
        if block is None:
            refuse(INVALID_INPUT, "contentEnd of no open block")
        if not block.filled and not isinstance(block.start, AudioStart):
            refuse(INVALID_INPUT, "a block with nothing inside")
        del self._blocks[event.content_name]

    def _end_prompt(self, event: PromptEnd) -> None:
        self._check_prompt(event.prompt_name)
        # Some clients never end the audio block; that is allowed.
        if any(not isinstance(block.start, AudioStart) for block in self._blocks.values()):
            refuse(INVALID_INPUT, "promptEnd inside a block")
        if self._family.prompt_needs_audio and not self.audio_started:
            refuse(INVALID_INPUT, "promptEnd of a prompt that had no audio")
        self._blocks.clear()
        self.stage = Stage.PROMPT_ENDED

    def _end_session(self) -> None:
        if self.stage not in (Stage.STARTED, Stage.PROMPT_ENDED):
            refuse(INVALID_INPUT, f"sessionEnd when {self.stage.name}")
        self.stage = Stage.ENDED

    def _check_prompt(self, prompt_name: str) -> None:
        if self.stage is not Stage.PROMPTED:
            refuse(INVALID_INPUT, f"an event of a prompt when {self.stage.name}")
        if prompt_name != self._prompt_name:
            refuse(INVALID_INPUT, "an unknown promptName")

    @property
    def _text_is_open(self) -> bool:
        return any(isinstance(block.start, TextStart) for block in self._blocks.values())
