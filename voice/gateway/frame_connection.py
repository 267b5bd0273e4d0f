"""Carries frames between a server and a consumer: whole WebSocket messages, without a task switch.

ASGI moves every message through a queue and wakes a task for it. A server that supports it hands frames
over directly instead: its `FrameConnection` is in the scope's extensions, under `EXTENSION`
(`voice.gateway.websocket_protocol` is uvicorn's). On other servers `AsgiFrameConnection` does the same
through ASGI, so that consumers need only one way.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, Protocol, cast

EXTENSION = "voice.frames"
"""Key of the `FrameConnection` in an ASGI scope's extensions."""

_MAX_QUEUED_FRAMES = 16

type Frame = bytes | str
"""A binary or a text message."""


class FrameReceiver(Protocol):
    """Receives the frames of one connection, one at a time and in order. Must not raise."""

    def frame_received(self, frame: Frame) -> None:
        """Receive a whole message."""

    def writable_again(self) -> None:
        """Learn that `is_writable` has become True again."""


class FrameConnection(Protocol):
    """One WebSocket connection, for frames only; its handshake and its end stay with ASGI."""

    @property
    def is_writable(self) -> bool:
        """Whether frames should be sent now: False while the client receives too slowly."""

    def start(self, receiver: FrameReceiver) -> None:
        """Give frames to `receiver` from now on; the connection is accepted."""

    def send_frame(self, frame: Frame) -> None:
        """Send a frame, even while it is not writable; after the end it is dropped."""

    async def flush(self) -> None:
        """Wait until every frame has been given to the server."""

    def pause_receiving(self) -> None:
        """Stop reading from the client; a few frames that were read already may still come."""

    def resume_receiving(self) -> None:
        """Receive again."""


class AsgiFrameConnection:
    """A `FrameConnection` over ASGI: a task sends what waits."""

    def __init__(
        self,
        send: Callable[[dict[str, Any]], Awaitable[None]],
        start_task: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self._send_message = send
        self._start_task = start_task
        self._receiver: FrameReceiver | None = None
        self._queue: deque[Frame] = deque()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_writable(self) -> bool:
        """Whether few frames wait."""
        return len(self._queue) < _MAX_QUEUED_FRAMES

    def start(self, receiver: FrameReceiver) -> None:
        """Give frames to `receiver` from now on."""
        self._receiver = receiver

    def send_frame(self, frame: Frame) -> None:
        """Send a frame after those that wait."""
        self._queue.append(frame)
        if self._task is None or self._task.done():
            self._task = self._start_task(self._send_queued())

    async def flush(self) -> None:
        """Wait until no frame waits."""
        if self._task is not None:
            await asyncio.wait({self._task})

    def pause_receiving(self) -> None:
        """Do nothing: the consumer gets one message at a time."""

    def resume_receiving(self) -> None:
        """Do nothing."""

    async def _send_queued(self) -> None:
        was_writable = self.is_writable
        while self._queue:
            frame = self._queue[0]
            kind = "bytes" if isinstance(frame, bytes) else "text"
            await self._send_message({"type": "websocket.send", kind: frame})
            self._queue.popleft()
            if self._receiver is not None and self.is_writable and not was_writable:
                self._receiver.writable_again()
            was_writable = self.is_writable


def frame_connection(scope: MutableMapping[str, Any]) -> FrameConnection | None:
    """Return the server's own frame connection, if it has one."""
    return cast("FrameConnection | None", scope.get("extensions", {}).get(EXTENSION))
