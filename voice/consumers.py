"""The browser's door: WebSocket frames to a call and back. No protocol of Nova Sonic, no business.

Three departures from Channels' habits, each measured: frames skip the thread hop that Channels
makes for every message (ADR 0006), messages leave by the server's own `send`, and cleaning up stands in
`__call__`, since no server calls `disconnect` in all cases.
"""

import asyncio
import logging
import time
from typing import Any, Protocol

import structlog
from channels.generic.websocket import AsyncWebsocketConsumer

from common import clock
from voice import switchboard
from voice.call import Call
from voice.errors import customer_error
from voice.wire import messages as m
from voice.wire.binary import SUBPROTOCOL, BinaryWire
from voice.wire.workshop import WorkshopWire

logger = logging.getLogger(__name__)

NORMAL, INTERNAL_ERROR = 1000, 1011


class Wire(Protocol):
    """What turns frames into messages and back; see `voice.wire`."""

    subprotocol: str | None

    def decode(self, frame: bytes | str) -> list[m.ClientMessage]:
        """Return what a frame says. Raises WireError."""

    def encode(self, message: m.ServerMessage, *, time_ms: int) -> list[bytes | str]:
        """Return the frames that say `message`."""


class VoiceConsumer(AsyncWebsocketConsumer):
    """One connection, and the call it holds."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the connection; whatever ends it, the call's task ends with it."""
        self._call: Call | None = None
        self._send_raw = send
        self._wire: Wire = BinaryWire() if SUBPROTOCOL in scope["subprotocols"] else WorkshopWire()
        try:
            async with asyncio.TaskGroup() as self._tasks:
                connection = self._tasks.create_task(super().__call__(scope, receive, send))
                connection.add_done_callback(lambda _: self._hang_up())
        except* OSError:  # the peer vanished while a frame was being sent
            logger.debug("connection lost")

    async def dispatch(self, message: Any) -> None:
        """Handle a frame at once; let Channels handle the rest."""
        if message["type"] == "websocket.receive":
            await self._receive(message)
        else:
            await super().dispatch(message)

    async def connect(self) -> None:
        """Accept, in the wire the client offered."""
        await self.accept(subprotocol=self._wire.subprotocol)

    # Frames in

    async def _receive(self, message: Any) -> None:
        frame = message.get("bytes")
        try:
            for word in self._wire.decode(message["text"] if frame is None else frame):
                await self._take(word)
        except m.WireError as error:
            logger.info("refused a frame", extra={"code": error.code, "detail": error.detail})
            await self._complain(error)
        except OSError:  # the peer vanished
            raise
        except Exception:
            logger.exception("a frame broke the consumer")
            await self._complain(m.WireError("internal", "", close_code=INTERNAL_ERROR))

    async def _take(self, word: m.ClientMessage) -> None:
        match word:
            case m.StartCall():
                self._start(word)
            case m.CustomerAudio():
                self._under_way().hear(word.pcm)
            case m.CustomerText():
                self._under_way().read(word.text)
            case m.EndCall():
                self._under_way().end()
            case m.Ping():
                await self._send(m.Pong(payload=word.payload))
            case m.Played():
                pass  # flow control and resuming will stand on it

    def _under_way(self) -> Call:
        if self._call is None:
            raise m.WireError("not_started", "before the call has started")
        return self._call

    async def _complain(self, error: m.WireError) -> None:
        """Tell the client what was wrong with its frame; close if the wire says so."""
        await self._send(customer_error(error.code, retryable=False))
        if error.close_code is not None:
            await self.close(code=error.close_code)

    # The call

    def _start(self, word: m.StartCall) -> None:
        if self._call is not None:
            raise m.WireError("already_started", "a second start")
        self._call = switchboard.new_call(input_rate_hz=word.input_rate_hz)
        self._talk = self._tasks.create_task(self._hold(self._call))

    def _hang_up(self) -> None:
        if self._call is not None:
            self._talk.cancel()

    async def _hold(self, call: Call) -> None:
        """Run the call and carry its messages out until the last one."""
        structlog.contextvars.bind_contextvars(call_id=call.call_id)
        logger.info("call started", extra={"wire": self._wire.subprotocol or "events"})
        began, reason = time.monotonic(), m.EndReason.CLIENT  # a client that leaves cancels us
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._run(call))
                reason = await self._carry_out(call)
        finally:
            lasted_s = round(time.monotonic() - began, 1)
            logger.info("call ended", extra={"reason": reason.value, "lasted_s": lasted_s})
        self._call = None
        if self._wire.subprotocol is not None:  # the earlier system's clients stay for another call
            await self.close(code=INTERNAL_ERROR if reason is m.EndReason.ERROR else NORMAL)

    async def _run(self, call: Call) -> None:
        reason = m.EndReason.ERROR
        try:
            reason = await call.run()
        except Exception:
            logger.exception("call crashed")
            call.outbox.put(customer_error("internal", retryable=True))
        finally:
            call.outbox.put(m.CallEnded(reason=reason))

    async def _carry_out(self, call: Call) -> m.EndReason:
        while True:
            message = await call.outbox.take()
            await self._send(message)
            call.delivered(message)
            if isinstance(message, m.CallEnded):
                return message.reason

    async def _send(self, message: m.ServerMessage) -> None:
        for frame in self._wire.encode(message, time_ms=self._time_ms()):
            kind = "bytes" if isinstance(frame, bytes) else "text"
            await self._send_raw({"type": "websocket.send", kind: frame})

    def _time_ms(self) -> int:
        """Return milliseconds: monotonic for the binary wire, since 1970 for the earlier one."""
        if self._wire.subprotocol is None:
            return int(clock.now().timestamp() * 1000)
        return time.monotonic_ns() // 1_000_000
