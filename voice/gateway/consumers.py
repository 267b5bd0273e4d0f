"""The browser's door: WebSocket frames to a call and back. No protocol of Nova Sonic, no business.

Three departures from Channels' habits, each measured: frames skip the thread hop that Channels
makes for every message (ADR 0006), messages leave by the server's own `send`, and cleaning up stands in
`__call__`, since no server calls `disconnect` in all cases.

A connection is not the call: it carries one, for as long as it lasts. Its first word begins a call or
comes back to one; what goes wrong with the connection leaves the call alone.
"""

import asyncio
import logging
import time
from typing import Any, Protocol

import structlog
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from common import client_address, clock
from voice import metrics
from voice.calls import configuration
from voice.calls.active_call import ActiveCall
from voice.calls.registry import UnknownCallError, call_registry
from voice.calls.uplink import Uplink
from voice.customer_errors import customer_error
from voice.gateway.admission import RefusedError
from voice.gateway.rate_limits import TokenBucket
from voice.gateway.tickets import TicketError
from voice.wire import messages as m
from voice.wire.binary import SUBPROTOCOL, BinaryWire
from voice.wire.close_codes import CloseCode
from voice.wire.legacy import LegacyWire

logger = logging.getLogger(__name__)

BEGIN_WITHIN_S = 10.0
RECEIVED_EVERY_S = 0.25


class Wire(Protocol):
    """What turns frames into messages and back; see `voice.wire`."""

    subprotocol: str | None
    is_resumable: bool

    def decode(self, frame: bytes | str) -> list[m.InboundMessage]:
        """Return what a frame says. Raises WireError."""

    def encode(self, sent: m.OutboundMessage, *, time_ms: int) -> list[bytes | str]:
        """Return the frames that say a message."""


class VoiceConsumer(AsyncWebsocketConsumer):
    """One connection, and the call it carries: a `Line`."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the connection; whatever ends it, the call is told."""
        self._active_call: ActiveCall | None = None
        self._address = client_address.address_of_scope(scope)
        self._send_raw = send
        self._wire: Wire = BinaryWire() if SUBPROTOCOL in scope["subprotocols"] else LegacyWire()
        self._rates = _rates()
        self._carrier: asyncio.Task[None] | None = None
        self._is_admitted = False
        self._is_leaving = self._is_closed = self._is_gone = False
        self._number_alone = 0
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._impatience = self._tasks.create_task(self._expect_a_beginning())
                connection = self._tasks.create_task(super().__call__(scope, receive, send))
                connection.add_done_callback(lambda _: self._gone())
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
        self._is_admitted = call_registry().admission.connect(self._address)
        if self._is_admitted and (self._wire.is_resumable or settings.LEGACY_CLIENTS):
            await self.accept(subprotocol=self._wire.subprotocol)
        else:
            await self.close()

    async def close(self, code: Any = None, reason: Any = None) -> None:
        """Close, if that has not been done; what still comes in is not looked at."""
        if not self._is_closed:
            self._is_closed = self._is_leaving = True
            await super().close(code, reason)

    # Frames in

    async def _receive(self, message: Any) -> None:
        if self._is_leaving:
            return
        frame = message.get("bytes")
        try:
            await self._take_frame(message["text"] if frame is None else frame)
        except m.WireError as error:
            logger.info("refused a frame", extra={"code": error.code, "detail": error.detail})
            metrics.FRAMES_REFUSED.labels(error.code).inc()
            await self._complain(error)
        except OSError:  # the peer vanished
            raise
        except Exception:
            logger.exception("a frame broke the consumer")
            await self._complain(m.WireError("internal", "", close_code=CloseCode.INTERNAL_ERROR))

    async def _take_frame(self, frame: bytes | str) -> None:
        now, (frames, octets) = _now(), self._rates
        in_time = frames.take(1, now=now) and octets.take(len(frame), now=now)
        admission = call_registry().admission
        if not in_time or not admission.takes_frame(self._address, len(frame), now=now):
            raise m.WireError("too_fast", f"{len(frame)} more", close_code=CloseCode.LIMIT_EXCEEDED)
        for heard in self._wire.decode(frame):
            await self._take(heard)

    async def _take(self, heard: m.InboundMessage) -> None:
        match heard.message:
            case m.StartCall():
                await self._start(heard.message, heard)
            case m.ResumeCall():
                await self._resume(heard.message)
            case m.Ping():
                await self._send(m.OutboundMessage(m.Pong(payload=heard.message.payload)))
            case _:
                self._under_way().receive(heard)

    def _under_way(self) -> ActiveCall:
        if self._active_call is None:
            raise m.WireError("not_started", "before the call has started")
        return self._active_call

    async def _complain(self, error: m.WireError, *, retry_after_s: float | None = None) -> None:
        """Tell the client what was wrong; close if it is that bad."""
        is_retryable = retry_after_s is not None
        said = customer_error(error.code, retryable=is_retryable, retry_after_s=retry_after_s)
        if self._active_call is not None and self._wire.is_resumable and self._carrier is not None:
            self._active_call.call.send_message(said)  # it has a number
            await self._carry_out_now(self._active_call)
        else:
            await self._send(m.OutboundMessage(said, sequence=self._number_alone))
        if error.close_code is not None:
            await self.close(code=error.close_code)

    # The call

    async def _start(self, start: m.StartCall, heard: m.InboundMessage) -> None:
        if self._active_call is not None:
            raise m.WireError("already_started", "a second start")
        self._impatience.cancel()
        uplink = Uplink()
        uplink.accept(heard)
        try:
            active = await call_registry().start(
                start,
                self,
                address=self._address,
                uplink=uplink,
                acknowledges=self._wire.is_resumable,
            )
        except TicketError as error:
            raise m.WireError(
                "no_ticket", str(error), close_code=CloseCode.INVALID_TICKET
            ) from error
        except RefusedError as refused:
            await self._refuse(refused)
            return
        self._carry(active)

    async def _resume(self, resume: m.ResumeCall) -> None:
        if self._active_call is not None:
            raise m.WireError("already_started", "a resume in a call")
        self._impatience.cancel()
        self._number_alone = resume.next_sequence
        try:
            self._active_call, resumed = await call_registry().resume(
                resume, self, address=self._address
            )
        except UnknownCallError as error:
            raise m.WireError("unknown_call", "", close_code=CloseCode.UNKNOWN_CALL) from error
        except RefusedError:
            await self.close(
                code=CloseCode.SERVICE_RESTART
            )  # the client tries again, elsewhere perhaps
            return
        active = self._active_call  # it is known before anything is sent: the peer may be gone
        await self._send(m.OutboundMessage(resumed))
        if self._active_call is active:
            self._carry(active)

    async def _refuse(self, refused: RefusedError) -> None:
        """Say that there is no call for now, and when to try again."""
        error = m.WireError(refused.code, "", close_code=CloseCode.LIMIT_EXCEEDED)
        logger.info("refused a call", extra={"code": refused.code})
        metrics.CALLS_REFUSED.labels(refused.code).inc()
        await self._complain(error, retry_after_s=refused.retry_after_s)

    def _carry(self, active: ActiveCall) -> None:
        structlog.contextvars.bind_contextvars(call_id=active.call_id)
        self._active_call = active
        active.rates = self._rates = active.rates or self._rates
        self._carrier = self._tasks.create_task(self._carry_out(active))

    async def _carry_out(self, active: ActiveCall) -> None:
        """Carry the call's messages out until the last one, or until the connection closes."""
        told = _now()
        while not (self._is_closed or await self._carry_out_now(active)):
            if (
                _now() - told >= RECEIVED_EVERY_S
                and (received := active.acknowledgement()) is not None
            ):
                told = _now()
                await self._send(m.OutboundMessage(received))
            await active.call.changed.wait()
            active.call.changed.clear()

    async def _carry_out_now(self, active: ActiveCall) -> bool:
        """Send what may be sent; return whether the call is over."""
        while not self._is_closed and (one := active.call.downlink.next()) is not None:
            await self._send(one)
            active.call.message_delivered(one.message)
            if isinstance(one.message, m.CallEnded):
                await self._end(one.message.reason)
                return True
        return False

    async def _end(self, reason: m.EndReason) -> None:
        """Close after the last message; the earlier system's clients stay for another call."""
        if self._active_call is not None:
            self._active_call.detach(self)
        self._active_call = None
        if self._wire.is_resumable:
            is_error = reason is m.EndReason.ERROR
            await self.close(code=CloseCode.INTERNAL_ERROR if is_error else CloseCode.NORMAL)

    # The line

    def superseded(self) -> None:
        """Close: another connection carries the call now."""
        self._let_go(CloseCode.CONNECTION_REPLACED)

    def redirect(self) -> None:
        """Tell the client to come back to its call, which is elsewhere soon, and close."""
        active = self._active_call
        if active is not None and self._wire.is_resumable:
            active.call.send_message(
                m.HandoverStarted(resume_after_ms=settings.CALL_HANDOVER_RECONNECT_MS)
            )
        self._let_go(CloseCode.SERVICE_RESTART, last=active)

    def _let_go(self, code: CloseCode, *, last: ActiveCall | None = None) -> None:
        self._active_call, self._is_leaving = None, True
        if self._carrier is not None:
            self._carrier.cancel()
        if not self._is_gone:
            self._tasks.create_task(self._say_and_close(code, last))

    async def _say_and_close(self, code: CloseCode, last: ActiveCall | None) -> None:
        if last is not None:
            await self._carry_out_now(last)
        await self.close(code=code)

    def _gone(self) -> None:
        """Note that the connection is over: nothing of it stays."""
        self._is_gone = True
        self._impatience.cancel()
        if self._is_admitted:
            call_registry().admission.disconnect(self._address)
        if self._carrier is not None:
            self._carrier.cancel()
        if self._active_call is not None:
            call_registry().connection_lost(self._active_call, self)

    async def _expect_a_beginning(self) -> None:
        """Close a connection on which nothing begins."""
        await asyncio.sleep(BEGIN_WITHIN_S)
        if self._active_call is None and self._wire.is_resumable:
            await self.close(code=CloseCode.START_TIMEOUT)

    async def _send(self, message: m.OutboundMessage) -> None:
        """Send a message; what comes after the close is for the client's next connection."""
        for frame in self._wire.encode(message, time_ms=self._time_ms()):
            if self._is_closed:
                return
            kind = "bytes" if isinstance(frame, bytes) else "text"
            await self._send_raw({"type": "websocket.send", kind: frame})

    def _time_ms(self) -> int:
        """Return milliseconds: monotonic for the binary wire, since 1970 for the earlier one."""
        if self._wire.subprotocol is None:
            return int(clock.now().timestamp() * 1000)
        return time.monotonic_ns() // 1_000_000


def _rates() -> tuple[TokenBucket, TokenBucket]:
    """Return how many frames and bytes a call may send: fast enough for what was kept to come again."""
    now = _now()
    return (
        TokenBucket(configuration.frame_rate(), now=now),
        TokenBucket(configuration.octet_rate(), now=now),
    )


def _now() -> float:
    return asyncio.get_running_loop().time()
