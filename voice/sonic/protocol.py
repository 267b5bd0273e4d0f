"""The Nova Sonic session as a machine: payloads in, events out, payloads queued. No I/O."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from voice.sonic.events import InputEvent, OutputEvent, Role, ToolUse


class SessionState(StrEnum):
    """Where our side of the session stands."""

    NEW = "NEW"
    STARTED = "STARTED"  # after sessionStart
    PROMPTED = "PROMPTED"  # after promptStart: the system prompt comes next
    INSTRUCTED = "INSTRUCTED"  # after the system prompt: history, then the microphone
    LISTENING = "LISTENING"  # the microphone has been opened
    PROMPT_ENDED = "PROMPT_ENDED"
    ENDED = "ENDED"


class SonicProtocol:
    """One Nova Sonic session, without any I/O (skeleton: signatures only, body follows)."""

    @property
    def state(self) -> SessionState:
        """Where our side of the session stands."""
        raise NotImplementedError

    @property
    def open_tool_uses(self) -> Mapping[str, ToolUse]:
        """Tool uses the service still waits for, by id, oldest first."""
        raise NotImplementedError

    @property
    def unknown_events(self) -> Mapping[str, int]:
        """How many output events of each unknown name have come."""
        raise NotImplementedError

    def send(self, event: InputEvent) -> None:
        """Queue one event. Raises LocalProtocolError, and then nothing has changed."""
        raise NotImplementedError

    def send_text(self, *, content_name: str, role: Role, text: str, interactive: bool) -> None:
        """Queue a whole text block. Raises LocalProtocolError; then nothing has changed."""
        raise NotImplementedError

    def send_tool_result(
        self, *, content_name: str, tool_use_id: str, result: Mapping[str, Any]
    ) -> None:
        """Queue the whole answer to an open tool use. Raises LocalProtocolError."""
        raise NotImplementedError

    def receive_payload(self, payload: bytes) -> None:
        """Take in one whole payload of the service. Raises RemoteProtocolError."""
        raise NotImplementedError

    def receive_eof(self) -> None:
        """Note that the service ended the stream. RemoteProtocolError if we had not ended it."""
        raise NotImplementedError

    def payloads_to_send(self) -> list[bytes]:
        """Take what is queued, each to be sent as one chunk, in order."""
        raise NotImplementedError

    def events_received(self) -> list[OutputEvent]:
        """Take what has been understood since the last call, in order."""
        raise NotImplementedError

    def close(self) -> tuple[str, ...]:
        """Queue the end of the session as far as it is legal; idempotent.

        Returns the ids of the tool uses that were never answered.
        """
        raise NotImplementedError
