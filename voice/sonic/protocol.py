"""The protocol of a Nova Sonic session, without I/O: payloads in, events out, payloads queued.

There is no socket, no clock and no generated id here; the caller brings them. The two directions
meet in one place: a tool use that the service sends becomes one that needs a result.
`voice.sonic.ordering` decides what may be sent, `voice.sonic.output_events` parses what is received,
and `voice.sonic.codec` converts both to and from JSON.

A text block and a tool result are *one* call each, which queues the whole block or nothing. So audio
cannot get inside a block, and no lock is needed.
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
from voice.sonic.output_events import OutputEventParser

__all__ = ["MAX_TEXT_BYTES", "SessionState", "SonicProtocol", "split_text"]

MAX_TEXT_BYTES = 1_000
"""Longest text of one textInput: 1,024 bytes for Nova 2, 1,000 for the first model."""


class SonicProtocol:
    """One Nova Sonic session, without any I/O."""

    def __init__(self) -> None:
        # An immutable value; replaced when an event is sent.
        self._ordering = Ordering()
        self._parser = OutputEventParser()
        # Payloads for the transport.
        self._outgoing: list[bytes] = []
        # Events for the call.
        self._received: list[OutputEvent] = []
        # Whether the service has ended its side.
        self._eof = False

    @property
    def state(self) -> SessionState:
        """State of our side of the session."""
        return self._ordering.state

    @property
    def open_tool_uses(self) -> Mapping[str, ToolUse]:
        """The tool uses without a result, by id, oldest first."""
        return MappingProxyType(dict(self._ordering.open_tool_uses))

    @property
    def open_audio_content(self) -> tuple[str, str] | None:
        """Prompt and name of the audio content, while audio may be sent."""
        if self._ordering.block is not None or not self._ordering.audio_content:
            return None
        return self._ordering.prompt_name, self._ordering.audio_content

    @property
    def unknown_events(self) -> Mapping[str, int]:
        """How many events of each unknown name were received."""
        return MappingProxyType(self._parser.unknown)

    # Public methods for sending events.

    def send(self, event: InputEvent) -> None:
        """Queue one event. Raises LocalProtocolError; nothing has changed then."""
        self._queue((event,))

    def send_text(self, *, content_name: str, role: Role, text: str, interactive: bool) -> None:
        """Queue a whole text block, in pieces of at most `MAX_TEXT_BYTES`.

        Raises:
            LocalProtocolError: The block is not allowed now. Nothing has changed.

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
        """Queue the whole result of an open tool use.

        Raises:
            LocalProtocolError: The tool use is not open, or `result` is not JSON. Nothing has
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
        """Queue the end of the session, as far as the order allows it; idempotent.

        A prompt that never had an audio content cannot be ended; there the end of the stream has
        to suffice.

        Returns:
            The ids of the tool uses without a result.

        """
        unanswered = tuple(self._ordering.open_tool_uses)
        for event in self._closing_events():
            try:
                self.send(event)
            except LocalProtocolError:
                break
        self._ordering = self._ordering.ended()
        return unanswered

    # Public method for getting outgoing payloads.

    def payloads_to_send(self) -> list[bytes]:
        """Remove and return the queued payloads. Each is one chunk; send them in this order."""
        payloads, self._outgoing = self._outgoing, []
        return payloads

    # Public methods for receiving.

    def receive_payload(self, payload: bytes) -> None:
        """Parse one payload. Raises RemoteProtocolError if it cannot be parsed."""
        if self._eof:
            raise RemoteProtocolError("payload after the end of the stream")
        for event in self._parser.parse(payload):
            self._received.append(event)
            if isinstance(event, ToolUse) and self.state is not SessionState.ENDED:
                self._ordering = self._ordering.with_tool_use(event)

    def match_audio(self, payload: bytes) -> tuple[str, bytes] | None:
        """Return content id and samples of an `audioOutput` like the one before it.

        Returns:
            None for every other payload, which goes to `receive_payload`.

        """
        return None if self._eof else self._parser.match_audio(payload)

    def receive_eof(self) -> None:
        """Handle the end of the service's side; nothing can be sent after it.

        Raises:
            RemoteProtocolError: The session had not been ended on our side.

        """
        self._eof = True
        if self.state is not SessionState.ENDED:
            raise RemoteProtocolError(f"the service ended the stream in {self.state}")

    def events_received(self) -> list[OutputEvent]:
        """Remove and return the parsed events, in order."""
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

    def _closing_events(self) -> Iterator[InputEvent]:
        prompt = self._ordering.prompt_name
        if self._ordering.block is not None:
            name = self._ordering.block.content_name
            yield ContentEnd(prompt_name=prompt, content_name=name)
        if self._ordering.audio_content:
            yield ContentEnd(prompt_name=prompt, content_name=self._ordering.audio_content)
        if self.state is not SessionState.PROMPT_ENDED:
            yield PromptEnd(prompt_name=prompt)
        yield SessionEnd()


def split_text(text: str, limit_bytes: int) -> Iterator[str]:
    """Split `text` between characters into pieces of at most `limit_bytes` of UTF-8.

    Args:
        text: May be empty.
        limit_bytes: At least 4, the longest character.

    Raises:
        LocalProtocolError: `text` cannot be encoded as UTF-8.

    """
    try:
        rest = text.encode()
    except UnicodeEncodeError as error:
        raise LocalProtocolError(f"text cannot be encoded as UTF-8: {error.reason}") from error
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
        raise LocalProtocolError(f"the result cannot be encoded as JSON: {error}") from error
