"""One Nova Sonic session on a channel: the `SonicStream` that calls use.

The protocol decides what may be sent and what a payload means; the channel carries payloads. Audio
takes the short way in both directions: the JSON around it is at hand, and nothing is parsed.
"""

from collections.abc import Mapping
from typing import Any

import pybase64

from voice.sonic import codec, events
from voice.sonic.channel import Channel
from voice.sonic.errors import LocalProtocolError, RemoteProtocolError, TransportError
from voice.sonic.interfaces import StreamReceiver
from voice.sonic.protocol import SonicProtocol


class SessionStream:
    """A `SonicStream` on a channel."""

    def __init__(self, channel: Channel, *, credentials_until: float | None) -> None:
        self.credentials_until = credentials_until
        self._channel = channel
        self._protocol = SonicProtocol()
        self._receiver: StreamReceiver | None = None
        # The JSON before the audio, while audio may be sent; empty if it may not.
        self._audio_head = b""
        self._is_audio_refused = False
        self._is_input_ended = False

    @property
    def open_tool_uses(self) -> Mapping[str, events.ToolUse]:
        """The tool uses that have no result yet, by id, oldest first."""
        return self._protocol.open_tool_uses

    @property
    def unknown_events(self) -> Mapping[str, int]:
        """How many events of each name were received that are not known."""
        return self._protocol.unknown_events

    async def accepted(self) -> None:
        """Wait until the service has accepted the stream. Raises TransportError if it refuses."""
        await self._channel.accepted()

    def start(self, receiver: StreamReceiver) -> None:
        """Deliver everything to `receiver` from now on, but nothing within this call."""
        self._receiver = receiver
        self._channel.start(self)

    # Methods for sending.

    def send_audio(self, pcm: bytes) -> bool:
        """Send a piece of audio; False if there is no room or no audio content is open."""
        head = self._audio_head
        if not head:
            return False
        if self._channel.is_blocked:
            self._is_audio_refused = True
            return False
        if len(pcm) % 2:
            raise LocalProtocolError(f"{len(pcm)} bytes are not whole 16-bit samples")
        if not pcm:
            return True
        self._channel.send_audio(b"".join((head, pybase64.b64encode(pcm), codec.AUDIO_TAIL)))
        return True

    def send_event(self, event: events.InputEvent) -> None:
        """Send one event. Raises LocalProtocolError; nothing has changed then."""
        self._protocol.send(event)
        self._send_queued()

    def send_text(
        self, *, content_name: str, role: events.Role, text: str, interactive: bool
    ) -> None:
        """Send a whole text block. Raises LocalProtocolError; nothing has changed then."""
        self._protocol.send_text(
            content_name=content_name, role=role, text=text, interactive=interactive
        )
        self._send_queued()

    def send_tool_result(
        self, *, content_name: str, tool_use_id: str, result: Mapping[str, Any]
    ) -> None:
        """Send the whole result of a tool use. Raises LocalProtocolError; nothing has changed."""
        self._protocol.send_tool_result(
            content_name=content_name, tool_use_id=tool_use_id, result=result
        )
        self._send_queued()

    def end_input(self) -> None:
        """End the session in order, then our side; idempotent."""
        if not self._is_input_ended:
            self._is_input_ended = True
            self._protocol.close()
            self._send_queued()
            self._channel.end_input()

    async def close(self) -> None:
        """Free everything; the receiver is not called any more."""
        self._receiver = None
        self._end_protocol()
        await self._channel.close()

    # Methods that the channel calls.

    def audio_received(self, payload: bytes) -> bool:
        """Deliver a payload if it is audio of the open content."""
        audio = self._protocol.match_audio(payload)
        if audio is None:
            return False
        if self._receiver is not None:
            self._receiver.audio_received(*audio)
        return True

    def payload_received(self, payload: bytes) -> None:
        """Deliver the events of a payload."""
        try:
            self._protocol.receive_payload(payload)
        except RemoteProtocolError as error:
            self._channel.abandon()
            self._lose(error)
            return
        for event in self._protocol.events_received():
            if self._receiver is None:
                return
            if isinstance(event, events.AudioOutput):
                self._receiver.audio_received(event.content_id, event.pcm)
            else:
                self._receiver.event_received(event)

    def writable_again(self) -> None:
        """Let the receiver send audio again, if some was refused."""
        if self._is_audio_refused and self._receiver is not None:
            self._is_audio_refused = False
            self._receiver.writable_again()

    def channel_lost(self, error: TransportError | None) -> None:
        """Tell the receiver; an end that we did not ask for is an error."""
        if error is None:
            try:
                self._protocol.receive_eof()
            except RemoteProtocolError as early_end:
                self._lose(early_end)
                return
        self._lose(error)

    # Private methods.

    def _send_queued(self) -> None:
        for payload in self._protocol.payloads_to_send():
            self._channel.send_payload(payload)
        names = self._protocol.open_audio_content
        self._audio_head = codec.audio_head(*names) if names else b""

    def _lose(self, error: TransportError | RemoteProtocolError | None) -> None:
        self._end_protocol()
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.stream_lost(error)

    def _end_protocol(self) -> None:
        """Refuse everything from now on."""
        self._is_input_ended = True
        self._audio_head = b""
        self._protocol.close()
