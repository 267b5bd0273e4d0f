"""The customer's end of a call, without a socket.

`BrowserClient` speaks the binary wire in real frames, over lines that take time and can break: it plays what it
is sent at the pace of speech, acknowledges as the voice page does, keeps what the server may not have,
and comes back over a new line. `LegacyClient` is one of the earlier system's: it only listens.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from conversations.domain import Stage, Utterance
from voice import pcm
from voice.calls.active_call import ActiveCall
from voice.calls.runtime import Call
from voice.wire import messages as m
from voice.wire.binary import BinaryWire, Flag, FrameType
from voice.wire.client import ClientCall, ServerFrame

ACKNOWLEDGE_EVERY_S = 0.25
ACKNOWLEDGE_NEW_S = 1.0
RECEIVED_EVERY_S = 0.25
DELAY_S = 0.02
NO_CONNECTION = 0


class Pipe:
    """One direction of a connection: what goes in comes out in order, after a while."""

    def __init__(self, delay_s: float) -> None:
        self._way_s = delay_s
        self._under_way: deque[Callable[[], None]] = deque()

    def send(self, arrive: Callable[[], None]) -> None:
        self._under_way.append(arrive)
        asyncio.get_running_loop().call_later(self._way_s, self._receive_frame)

    def _receive_frame(self) -> None:
        self._under_way.popleft()()


class OutboundChanges:
    """An `OutboundListener` that lets a task wait."""

    def __init__(self, call: Call) -> None:
        self._event = asyncio.Event()
        call.listen(self)

    def outbound_changed(self) -> None:
        self._event.set()

    async def wait(self) -> None:
        await self._event.wait()
        self._event.clear()


@dataclass(slots=True)
class ReceivedMessages:
    """What a client got, as messages."""

    messages: list[m.ServerMessage] = field(default_factory=list)

    def of[T](self, kind: type[T]) -> list[T]:
        return [message for message in self.messages if isinstance(message, kind)]

    def spoken(self) -> list[str]:
        """What both sides said as it is shown at the end, spoken words only."""
        shown: dict[tuple[int, int], Utterance] = {}
        for caption in self.of(m.Caption):
            shown[caption.utterance.key] = caption.utterance
        return [
            f"{utterance.speaker}: {utterance.text}"
            for _, utterance in sorted(shown.items())
            if utterance.stage is not Stage.PLANNED and utterance.text
        ]

    def speech(self) -> bytes:
        return b"".join(chunk.pcm for chunk in self.of(m.SpeechChunk))

    def errors(self) -> list[str]:
        return [error.code for error in self.of(m.CallError)]


class BrowserClient(ReceivedMessages):
    """A client of the binary wire."""

    def __init__(self, active_call: ActiveCall, *, delay_s: float = DELAY_S) -> None:
        super().__init__()
        self.protocol = ClientCall(output_rate_hz=pcm.OUTPUT_RATE_HZ)
        self.acknowledges = True
        self.frames: list[ServerFrame] = []
        """What was accepted, RESUME and ACK included."""
        self.resumed = asyncio.Event()
        self._active_call = active_call
        self._wire = BinaryWire()
        self._up, self._down = Pipe(delay_s), Pipe(delay_s)
        # Lines are numbered; either end may be on one that is no more.
        self._connection = self._server_connection = 1
        self._newest_connection = 1
        self._acknowledged_at = _now()
        self._acknowledged_to = -1
        self._played_lately = False
        self.resumed.set()
        self.protocol.queue_event(type="start", ticket="", greet=False)
        self._send_waiting()

    @property
    def played_to(self) -> int:
        """How far the customer has heard."""
        return self.protocol.playback.position_at(_now())

    @property
    def is_connected(self) -> bool:
        """Whether it has a connection, or is getting one."""
        return self._connection != NO_CONNECTION

    @property
    def has_unreceived_frames(self) -> bool:
        """Whether it has something to say that has not reached the server."""
        return bool(self.protocol.unacknowledged_frames(self._active_call.uplink.next_sequence))

    # What the customer does

    def speak(self, chunk: bytes) -> None:
        self.protocol.queue_audio(chunk)
        self._send_waiting()

    def type(self, text: str) -> None:
        self.protocol.queue_event(type="text", text=text)
        self._send_waiting()

    def hang_up(self) -> None:
        self.protocol.queue_event(type="end")
        self._send_waiting()

    def acknowledge(self) -> None:
        if self.acknowledges and self.resumed.is_set():
            self._acknowledged_at, self._acknowledged_to = _now(), self.protocol.last_sequence
            self._send(self.protocol.acknowledgement(_now()))

    # Lines

    def drop(self, *, noticed: bool = True) -> None:
        """Let the connection break, with all that is under way on it; the server may not notice."""
        self._connection = NO_CONNECTION
        self.resumed.clear()
        self.protocol.connection_lost()
        if noticed:
            self._server_connection = NO_CONNECTION

    def resume(self, *, reload: bool = False) -> None:
        """Come back over a new line; `resumed` is set when the server has answered."""
        if reload:
            self.protocol = self.protocol.after_page_reload(_now())
        self._newest_connection += 1
        self._connection = self._newest_connection
        self.resumed.clear()
        self._send(self.protocol.resume_frame(_now()))

    # The way up

    def _send_waiting(self) -> None:
        while (frame := self.protocol.next_frame()) is not None:
            self._send(frame)

    def _send(self, frame: bytes) -> None:
        self._up.send(partial(self._deliver_frame, self._connection, frame))

    def _deliver_frame(self, connection: int, frame: bytes) -> None:
        """Let a frame come to the server, if its connection still stands."""
        if connection != self._connection:
            return
        for inbound in self._wire.decode(frame):
            if isinstance(inbound.message, m.ResumeCall):
                self._attach(connection, inbound.message)
            else:
                self._active_call.receive(inbound)

    def _attach(self, connection: int, resume: m.ResumeCall) -> None:
        self._server_connection = connection
        self._active_call.call.connection_resumed(resume)
        self._send_down(m.OutboundMessage(self._active_call.resumed_message(resume)))

    # The way down

    async def receive_messages(self) -> None:
        """Hand out what waits, at the server's end, as long as it believes in a line."""
        call, acknowledged_at = self._active_call.call, _now()
        changes = OutboundChanges(call)
        while True:
            if self._server_connection != NO_CONNECTION:
                while (one := call.outbound.next()) is not None:
                    self._send_down(one)
                    call.message_delivered(one.message)
                if _now() - acknowledged_at >= RECEIVED_EVERY_S and (
                    received := self._active_call.acknowledgement()
                ):
                    acknowledged_at = _now()
                    self._send_down(m.OutboundMessage(received))
            await changes.wait()

    def _send_down(self, one: m.OutboundMessage) -> None:
        connection = self._server_connection
        for frame in self._wire.encode(one, time_ms=0):
            assert isinstance(frame, bytes)
            self._down.send(partial(self._receive_frame, connection, frame, one.message))

    def _receive_frame(self, connection: int, data: bytes, message: m.ServerMessage) -> None:
        if (
            connection != self._connection
            or (frame := self.protocol.receive(data, now=_now())) is None
        ):
            return
        self.frames.append(frame)
        self.messages.append(message)
        match frame.kind:
            case FrameType.RESUME:
                self.resumed.set()
                self._send_waiting()
            case FrameType.FLUSH:
                self.acknowledge()
            case FrameType.AUDIO_OUT if frame.flags & Flag.FIRST:
                self.protocol.queue_event(type="heard", position=frame.position, afterMs=40)
                self._send_waiting()
            case _:
                pass

    async def acknowledge_forever(self) -> None:
        while True:
            await asyncio.sleep(ACKNOWLEDGE_EVERY_S)
            plays = self.protocol.playback.ends_at > _now()
            has_news = self.protocol.last_sequence > self._acknowledged_to
            due = has_news and _now() - self._acknowledged_at >= ACKNOWLEDGE_NEW_S
            if plays or self._played_lately or due:
                self.acknowledge()
            self._played_lately = plays


class LegacyClient(ReceivedMessages):
    """A client of the earlier system: it counts and acknowledges nothing."""

    def __init__(self, active_call: ActiveCall) -> None:
        super().__init__()
        self._active_call = active_call

    def speak(self, chunk: bytes) -> None:
        self._active_call.receive(m.InboundMessage(m.CustomerAudio(pcm=chunk)))

    def type(self, text: str) -> None:
        self._active_call.receive(m.InboundMessage(m.CustomerText(text=text)))

    def hang_up(self) -> None:
        self._active_call.receive(m.InboundMessage(m.EndCall()))

    async def receive_messages(self) -> None:
        call = self._active_call.call
        changes = OutboundChanges(call)
        while True:
            while (one := call.outbound.next()) is not None:
                assert one.sequence is None
                self.messages.append(one.message)
                call.message_delivered(one.message)
            await changes.wait()

    async def acknowledge_forever(self) -> None:
        """Say nothing: this wire has no word for it."""


def events(frames: list[ServerFrame]) -> list[dict[str, Any]]:
    return [frame.event for frame in frames if frame.kind is FrameType.EVENT]


def _now() -> float:
    return asyncio.get_running_loop().time()
