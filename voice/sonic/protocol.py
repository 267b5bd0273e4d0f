"""The Nova Sonic session as a machine: payloads in, events out, payloads queued.

No I/O, no clock, no ids of its own: the call that drives it brings them. The two halves
meet in one place only: a tool use that the service asks for is one that we must answer.
What may be sent is decided in :mod:`voice.sonic.ordering`, what is heard is understood in
:mod:`voice.sonic.output_events`, and both speak through :mod:`voice.sonic.codec`.

A text block and a tool result are each *one* call, which queues the whole block or nothing.
So audio cannot slip inside one, and no lock is needed.
"""

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from voice.sonic.codec import encode
from voice.sonic.errors import LocalProtocolError, RemoteProtocolError
from voice.sonic.events import (
    ContentEnd,
    InputEvent,
    OutputEvent,
    PromptEnd,
    Role,
    SessionEnd,
    TextContentStart,
    TextInput,
    ToolContentStart,
    ToolResult,
    ToolUse,
)
from voice.sonic.ordering import Ordering, SessionState
from voice.sonic.output_events import OutputEventReader

__all__ = ["MAX_TEXT_BYTES", "SessionState", "SonicProtocol", "split_text"]

MAX_TEXT_BYTES = 1_000
"""How much text one textInput may hold: 1,024 bytes for Nova 2, 1,000 for the first model."""


class SonicProtocol:
    """One Nova Sonic session, without any I/O."""

    def __init__(self) -> None:
        # What may be sent next; replaced as a whole, never changed.
        self._ordering = Ordering()
        # What the service has said so far.
        self._reader = OutputEventReader()
        # Payloads that wait for the transport.
        self._outgoing: list[bytes] = []
        # Events that wait for the call.
        self._received: list[OutputEvent] = []
        # Whether the service has ended its side.
        self._eof = False

    @property
    def state(self) -> SessionState:
        """Where our side of the session stands."""
        return self._ordering.state

    @property
    def open_tool_uses(self) -> Mapping[str, ToolUse]:
        """The tool uses that the service still waits for, by id, oldest first."""
        return MappingProxyType(dict(self._ordering.open_tool_uses))

    @property
    def unknown_events(self) -> Mapping[str, int]:
        """How many events of each name came that could not be placed."""
        return MappingProxyType(self._reader.unknown)

    # Public methods for sending events.

    def send(self, event: InputEvent) -> None:
        """Queue one event. Raises LocalProtocolError, and then nothing has changed."""
        self._queue((event,))

    def send_text(self, *, content_name: str, role: Role, text: str, interactive: bool) -> None:
        """Queue a whole text block, in pieces of at most :data:`MAX_TEXT_BYTES`.

        Raises LocalProtocolError, and then nothing has changed.
        """
        prompt = self._ordering.prompt_name
        start = TextContentStart(
            prompt_name=prompt, content_name=content_name, role=role, interactive=interactive
        )
        inputs = (
            TextInput(prompt_name=prompt, content_name=content_name, content=piece)
            for piece in split_text(text, MAX_TEXT_BYTES)
        )
        self._queue((start, *inputs, ContentEnd(prompt_name=prompt, content_name=content_name)))

    def send_tool_result(
        self, *, content_name: str, tool_use_id: str, result: Mapping[str, Any]
    ) -> None:
        """Queue the whole answer to an open tool use.

        Raises LocalProtocolError (not open, answered before, not JSON); then nothing has
        changed.
        """
        prompt = self._ordering.prompt_name
        names = {"prompt_name": prompt, "content_name": content_name}
        self._queue(
            (
                ToolContentStart(**names, tool_use_id=tool_use_id),
                ToolResult(**names, content=_json_object(result)),
                ContentEnd(**names),
            )
        )

    def close(self) -> tuple[str, ...]:
        """Queue the end of the session, as far as it is legal, and send nothing after it.

        Idempotent. Returns the ids of the tool uses that were never answered: the caller
        settles them. What cannot be ended legally (a prompt that never heard anything) is
        left to the end of the stream.
        """
        unanswered = tuple(self._ordering.open_tool_uses)
        for event in self._farewell():
            try:
                self.send(event)
            except LocalProtocolError:
                break
        self._ordering = self._ordering.abandoned()
        return unanswered

    # Public method for getting outgoing payloads.

    def payloads_to_send(self) -> list[bytes]:
        """Take what is queued. Each is one chunk; their order must be kept."""
        payloads, self._outgoing = self._outgoing, []
        return payloads

    # Public methods for receiving.

    def receive_payload(self, payload: bytes) -> None:
        """Take in one whole payload. Raises RemoteProtocolError if it cannot be read."""
        if self._eof:
            raise RemoteProtocolError("payload after the end of the stream")
        for event in self._reader.read(payload):
            self._received.append(event)
            if isinstance(event, ToolUse) and self.state is not SessionState.ENDED:
                self._ordering = self._ordering.awaiting(event)

    def receive_eof(self) -> None:
        """Note that the service has ended its side; nothing can be sent any more.

        Raises RemoteProtocolError if we had not ended the session: the service hung up.
        """
        self._eof = True
        if self.state is not SessionState.ENDED:
            raise RemoteProtocolError(f"the service ended the stream in {self.state}")

    def events_received(self) -> list[OutputEvent]:
        """Take the events understood since the last call, in order."""
        events, self._received = self._received, []
        return events

    # Private methods.

    def _queue(self, events: tuple[InputEvent, ...]) -> None:
        if self._eof:
            raise LocalProtocolError("the service has ended the stream")
        ordering = self._ordering
        payloads = []
        for event in events:
            ordering = ordering.after(event)
            payloads.append(encode(event))
        self._ordering = ordering
        self._outgoing += payloads

    def _farewell(self) -> Iterator[InputEvent]:
        prompt = self._ordering.prompt_name
        if self._ordering.block is not None:
            name = self._ordering.block.content_name
            yield ContentEnd(prompt_name=prompt, content_name=name)
        if self._ordering.microphone:
            yield ContentEnd(prompt_name=prompt, content_name=self._ordering.microphone)
        if self.state is not SessionState.PROMPT_ENDED:
            yield PromptEnd(prompt_name=prompt)
        yield SessionEnd()


def split_text(text: str, limit_bytes: int) -> Iterator[str]:
    """Cut ``text`` into pieces of at most ``limit_bytes`` of UTF-8, between characters.

    ``limit_bytes`` is at least 4, the longest character. Raises LocalProtocolError if the
    text cannot be written as UTF-8.
    """
    try:
        rest = text.encode()
    except UnicodeEncodeError as error:
        raise LocalProtocolError(f"text cannot be written as UTF-8: {error.reason}") from error
    while len(rest) > limit_bytes:
        cut = limit_bytes
        while rest[cut] & 0xC0 == 0x80:  # inside a character
            cut -= 1
        yield rest[:cut].decode()
        rest = rest[cut:]
    yield rest.decode()


def _json_object(result: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(result), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise LocalProtocolError(f"the result cannot be written as JSON: {error}") from error
