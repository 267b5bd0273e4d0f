"""`SonicStream` over a `PayloadStream`: two tasks, one that sends and one that receives.

For tests with a service in memory. It costs two task switches per frame.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Mapping
from typing import Any

from voice.sonic import events
from voice.sonic.errors import RemoteProtocolError, TransportCode, TransportError
from voice.sonic.interfaces import PayloadStream, StreamReceiver
from voice.sonic.ordering import SessionState
from voice.sonic.protocol import SonicProtocol

_MAX_QUEUED_AUDIO = 4
"""How many pieces of audio may wait for the stream before more are refused."""


class PayloadStreamAdapter:
    """A `SonicStream` that sends and receives through `stream`."""

    def __init__(self, stream: PayloadStream) -> None:
        self.credentials_until = stream.credentials_until
        self._stream = stream
        self._protocol = SonicProtocol()
        self._receiver: StreamReceiver | None = None
        self._names = ("", "")
        self._queue: deque[tuple[bytes, bool]] = deque()  # payload, whether it is audio
        self._queued_audio = 0
        self._is_audio_refused = False
        self._is_input_ended = self._is_closed = False
        self._work = asyncio.Event()
        self._started = asyncio.Event()
        self._accepted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tasks = [
            asyncio.create_task(self._receive_all()),  # noqa: TID251 -- close() awaits both
            asyncio.create_task(self._send_all()),  # noqa: TID251 -- as above
        ]

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
        await asyncio.shield(self._accepted)

    def start(self, receiver: StreamReceiver) -> None:
        """Deliver everything to `receiver` from now on."""
        self._receiver = receiver
        self._started.set()

    def send_audio(self, pcm: bytes) -> bool:
        """Send a piece of audio; False if there is no room or no audio content is open."""
        if self._protocol.state is not SessionState.AUDIO_OPEN:
            return False
        if self._queued_audio >= _MAX_QUEUED_AUDIO:
            self._is_audio_refused = True
            return False
        prompt_name, content_name = self._names
        self._protocol.send(
            events.AudioInput(prompt_name=prompt_name, content_name=content_name, pcm=pcm)
        )
        self._queued_audio += 1
        self._enqueue(is_audio=True)
        return True

    def send_event(self, event: events.InputEvent) -> None:
        """Send one event. Raises LocalProtocolError, and then nothing has changed."""
        self._protocol.send(event)
        if isinstance(event, events.AudioContentStart):
            self._names = event.prompt_name, event.content_name
        self._enqueue()

    def send_text(
        self, *, content_name: str, role: events.Role, text: str, interactive: bool
    ) -> None:
        """Send a whole text block. Raises LocalProtocolError, and then nothing has changed."""
        self._protocol.send_text(
            content_name=content_name, role=role, text=text, interactive=interactive
        )
        self._enqueue()

    def send_tool_result(
        self, *, content_name: str, tool_use_id: str, result: Mapping[str, Any]
    ) -> None:
        """Send the whole result of a tool use. Raises LocalProtocolError; nothing has changed."""
        self._protocol.send_tool_result(
            content_name=content_name, tool_use_id=tool_use_id, result=result
        )
        self._enqueue()

    def end_input(self) -> None:
        """End the session in order, then our side; idempotent."""
        if not self._is_input_ended:
            self._is_input_ended = True
            self._protocol.close()
            self._enqueue()

    async def close(self) -> None:
        """Free everything; the receiver is not called any more."""
        self._is_closed = True
        self._is_input_ended = True
        self._protocol.close()
        if not self._accepted.done():
            self._accepted.set_exception(
                TransportError(TransportCode.STREAM_LOST, "closed on this side")
            )
            self._accepted.exception()  # retrieved, so that asyncio does not report it
        try:
            await self._stream.close()
        finally:  # also if this is cancelled
            tasks = {task for task in self._tasks if task is not asyncio.current_task()}
            for task in tasks:
                task.cancel()
        await asyncio.wait(tasks)

    # Private methods.

    def _enqueue(self, *, is_audio: bool = False) -> None:
        self._queue += ((payload, is_audio) for payload in self._protocol.payloads_to_send())
        self._work.set()

    async def _send_all(self) -> None:
        with contextlib.suppress(TransportError):  # the receiving task learns why
            while True:
                await self._work.wait()
                self._work.clear()
                while self._queue:
                    payload, is_audio = self._queue.popleft()
                    await self._stream.send(payload)
                    self._queued_audio -= is_audio
                if self._is_input_ended:
                    await self._stream.end_input()
                    return
                if self._is_audio_refused and (receiver := self._active_receiver()):
                    self._is_audio_refused = False
                    receiver.writable_again()

    async def _receive_all(self) -> None:
        error: TransportError | RemoteProtocolError | None = None
        try:
            await self._stream.accepted()
            if not self._accepted.done():
                self._accepted.set_result(None)
            await self._started.wait()
            while (payload := await self._stream.receive()) is not None:
                self._protocol.receive_payload(payload)
                self._deliver_events()
            self._protocol.receive_eof()
        except (TransportError, RemoteProtocolError) as lost:
            error = lost
            if not self._accepted.done():
                self._accepted.set_exception(lost)
                self._accepted.exception()
        await self._started.wait()
        self._protocol.close()
        if receiver := self._active_receiver():
            receiver.stream_lost(error)

    def _deliver_events(self) -> None:
        for event in self._protocol.events_received():
            receiver = self._active_receiver()
            if receiver is None:
                return
            if isinstance(event, events.AudioOutput):
                receiver.audio_received(event.content_id, event.pcm)
            else:
                receiver.event_received(event)

    def _active_receiver(self) -> StreamReceiver | None:
        return None if self._is_closed else self._receiver
