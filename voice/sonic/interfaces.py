"""The interfaces between a call and Nova Sonic.

A call opens a `SonicStream` with `SonicTransport.open_stream` and gets everything that the service
sends through a `StreamReceiver`. All methods of both but the `async` ones are synchronous: they
never wait, and the receiver's callbacks come in the order of the wire, from the event loop's
thread.

`PayloadStream` and `SonicTransport.open` are the same one level lower, in JSON payloads and with waiting
methods. Only tests use them: of the transport, and with a service in memory.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from voice.sonic.errors import RemoteProtocolError, TransportError
from voice.sonic.events import InputEvent, OutputEvent, Role, ToolUse


class StreamReceiver(Protocol):
    """Receives what the service sends on one stream.

    Callbacks are called by the stream, one at a time and in the order of the wire. They must
    return quickly and must not raise.
    """

    def audio_received(self, content_id: str, pcm: bytes) -> None:
        """Receive a piece of the reply's audio.

        Args:
            content_id: The AUDIO content it belongs to, announced by `ContentStarted`.
            pcm: Whole samples: 24 kHz, 16 bits, little-endian, mono.

        """

    def event_received(self, event: OutputEvent) -> None:
        """Receive any event but audio; `AudioOutput` never comes this way."""

    def writable_again(self) -> None:
        """Learn that audio may be sent again, after `SonicStream.send_audio` returned False."""

    def stream_lost(self, error: TransportError | RemoteProtocolError | None) -> None:
        """Learn that the stream is over; nothing is called after it.

        Args:
            error: Why it was lost: TransportError if the stream broke, RemoteProtocolError if the
                service sent what cannot be understood or ended a session that we had not ended.
                None if both sides ended it in order.

        """


class SonicStream(Protocol):
    """One Nova Sonic session on one stream: events out, events and audio in.

    The stream enforces the order of events (`voice.sonic.ordering`): a method that raises
    LocalProtocolError has sent nothing and changed nothing. After `end_input`, `close` or the
    loss of the stream, sending raises LocalProtocolError; `send_audio` then returns False.
    """

    credentials_until: float | None
    """When the credentials that sign its frames expire (the loop's time); None if unknown."""

    @property
    def open_tool_uses(self) -> Mapping[str, ToolUse]:
        """The tool uses that have no result yet, by id, oldest first."""

    @property
    def unknown_events(self) -> Mapping[str, int]:
        """How many events of each name were received that are not known."""

    async def accepted(self) -> None:
        """Wait until the service has accepted the stream. Raises TransportError if it refuses.

        The service may wait for the first events before it answers, so send them first. May be
        called before `start` or after it, and cancelled.
        """

    def start(self, receiver: StreamReceiver) -> None:
        """Deliver everything to `receiver` from now on; call it once.

        What was received before is delivered first, in order and soon, but never within this call.
        """

    def send_audio(self, pcm: bytes) -> bool:
        """Send a piece of the customer's audio; never waits.

        Returns:
            False if it was not sent, because there is no room or because no audio content is
            open: the caller keeps the audio. Where it was for want of room, the receiver's
            `writable_again` is called once there is some.

        Args:
            pcm: Whole samples at the rate of the `AudioContentStart` that was sent.

        """

    def send_event(self, event: InputEvent) -> None:
        """Send one event, after all that were sent before it; never waits.

        Raises:
            LocalProtocolError: The event is not allowed now. Nothing has changed.

        """

    def send_text(self, *, content_name: str, role: Role, text: str, interactive: bool) -> None:
        """Send a whole text block, in pieces as long as the service allows. See `send_event`."""

    def send_tool_result(
        self, *, content_name: str, tool_use_id: str, result: Mapping[str, Any]
    ) -> None:
        """Send the whole result of an open tool use. See `send_event`."""

    def end_input(self) -> None:
        """End the session in order, as far as the protocol allows it, then our side; idempotent.

        The service answers with its last events and ends its side: `stream_lost(None)`.
        """

    async def close(self) -> None:
        """Free everything at once. Idempotent, bounded in time, never raises.

        The receiver is not called any more. To get the service's last events, call `end_input`
        first and wait for `stream_lost`.
        """


class PayloadStream(Protocol):
    """One open stream to the model, in JSON payloads.

    One task may send while another receives; neither may be done by two at once.
    """

    credentials_until: float | None
    """When the credentials that sign its frames expire (the loop's time); None if unknown."""

    async def accepted(self) -> None:
        """Wait until the service has accepted the stream. Raises TransportError if it refuses.

        Must not be awaited while another task receives.
        """

    async def send(self, payload: bytes) -> None:
        """Send one JSON payload; waits while the service is slow. Raises TransportError.

        If it is cancelled while it waits, the stream is lost: half a frame may have been sent.
        """

    async def receive(self) -> bytes | None:
        """Return the next JSON payload; None after a clean end. Raises TransportError.

        May be cancelled (`asyncio.timeout`): the stream lives on and nothing is lost.
        """

    async def end_input(self) -> None:
        """End our side; the service may still send. Idempotent."""

    async def close(self) -> None:
        """End the stream and free everything. Idempotent, bounded in time, never raises.

        It does not wait for the service: to get the service's last payloads, end the input first
        and receive until None.
        """


class StreamSource(Protocol):
    """Opens the streams of one call, wherever they are opened."""

    async def open_stream(self) -> SonicStream:
        """Open a stream; see `SonicTransport.open_stream`."""

    def may_open_elsewhere(self, error: TransportError) -> bool:
        """Whether another stream may be accepted at once, elsewhere, after `error`."""


class SonicTransport(Protocol):
    """Opens streams."""

    async def open_stream(self) -> SonicStream:
        """Open a stream; events may be sent at once. Raises TransportError.

        A refusal by the service (throttling, a wrong model) comes later, from `accepted` and
        `stream_lost`: the service may wait for the first events before it answers.
        """

    async def open(self) -> PayloadStream:
        """Open a stream; it may be written to at once. Raises TransportError.

        A refusal by the service is raised by the first `send` or `receive`.
        """

    async def warm(self) -> None:
        """Do everything that makes the first `open_stream` slow. Raises TransportError."""

    async def close(self) -> None:
        """Close every stream and connection. Idempotent, bounded in time, never raises."""
