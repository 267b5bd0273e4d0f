"""The voice WebSocket: frames of a client to its call, and the call's messages back.

Three things differ from a usual Channels consumer, each measured: frames skip the thread hop that
Channels makes for every message (ADR 0006), messages leave by the server's own `send`, and the
cleanup is in `__call__`, because servers do not call `disconnect` in all cases.

A connection is not the call. Its first message starts a call or resumes one; if the connection is
lost, the call continues without it.
"""

import asyncio
import logging
import time
from enum import IntEnum
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
from voice.gateway.admission import CallRefusedError
from voice.gateway.rate_limits import FrameRateLimiter
from voice.gateway.tickets import TicketError
from voice.wire import messages as m
from voice.wire.binary import SUBPROTOCOL, BinaryWire
from voice.wire.close_codes import CloseCode
from voice.wire.legacy import LegacyWire

logger = logging.getLogger(__name__)

START_TIMEOUT_S = 10.0
ACKNOWLEDGEMENT_INTERVAL_S = 0.25


class Wire(Protocol):
    """Converts frames to messages and back; see `voice.wire`."""

    subprotocol: str | None
    is_resumable: bool
    """Whether frames have numbers and acknowledgements, so that a call survives its connection."""

    def decode(self, frame: bytes | str) -> list[m.InboundMessage]:
        """Return the messages in a frame. Raises WireError."""

    def encode(self, outbound: m.OutboundMessage, *, time_ms: int) -> list[bytes | str]:
        """Return the frames with a message."""


class ConnectionPhase(IntEnum):
    """The phases of a connection, in their order; some may be skipped."""

    OPEN = 0
    CLOSING = 1
    """Frames of the client are ignored; last messages may be sent to it."""
    CLOSED = 2
    """The server has closed the connection."""
    GONE = 3
    """Channels has finished the connection."""


class VoiceConsumer(AsyncWebsocketConsumer):
    """One connection, and the call that it carries."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the connection to its end, and then detach it from its call."""
        self._phase = ConnectionPhase.OPEN
        self._active_call: ActiveCall | None = None
        self._address = client_address.address_of_scope(scope)
        self._send_raw = send
        self._wire: Wire = BinaryWire() if SUBPROTOCOL in scope["subprotocols"] else LegacyWire()
        self._rate_limiter = FrameRateLimiter(
            frame_rate=configuration.frame_rate(), byte_rate=configuration.byte_rate(), now=_now()
        )
        self._sender: asyncio.Task[None] | None = None
        self._is_admitted = False
        # The number of an error that is sent outside of a call: the first that the client expects.
        self._error_sequence = 0
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._start_timer = self._tasks.create_task(self._close_without_start())
                connection = self._tasks.create_task(super().__call__(scope, receive, send))
                connection.add_done_callback(lambda _: self._clean_up())
        except* OSError:  # the client vanished while a frame was being sent
            logger.debug("connection lost")

    async def dispatch(self, message: Any) -> None:
        """Handle a frame without Channels' thread hop; leave other messages to Channels."""
        if message["type"] != "websocket.receive":
            await super().dispatch(message)
        elif self._phase is ConnectionPhase.OPEN:
            frame = message.get("bytes")
            await self._receive_frame(message["text"] if frame is None else frame)

    async def connect(self) -> None:
        """Accept the connection with the subprotocol of its wire, or reject it."""
        self._is_admitted = call_registry().admission.admit_connection(self._address)
        if self._is_admitted and (self._wire.is_resumable or settings.LEGACY_CLIENTS):
            await self.accept(subprotocol=self._wire.subprotocol)
        else:
            await self.close()

    async def close(self, code: Any = None, reason: Any = None) -> None:
        """Close the connection, unless it is closed."""
        if self._phase < ConnectionPhase.CLOSED:
            self._phase = ConnectionPhase.CLOSED
            await super().close(code, reason)

    async def _close_without_start(self) -> None:
        """Close a connection on which no call is started or resumed in time."""
        await asyncio.sleep(START_TIMEOUT_S)
        if self._active_call is None and self._wire.is_resumable:
            await self.close(code=CloseCode.START_TIMEOUT)

    def _clean_up(self) -> None:
        """Cancel the tasks of a finished connection, and detach it from its call."""
        self._phase = ConnectionPhase.GONE
        self._start_timer.cancel()
        if self._is_admitted:
            call_registry().admission.remove_connection(self._address)
        if self._sender is not None:
            self._sender.cancel()
        if self._active_call is not None:
            call_registry().connection_lost(self._active_call, self)

    # --- From the client

    async def _receive_frame(self, frame: bytes | str) -> None:
        """Handle a frame; report an error to the client instead of raising it."""
        try:
            self._check_rate(len(frame))
            for inbound in self._wire.decode(frame):
                await self._handle_message(inbound)
        except m.WireError as error:
            logger.info("frame refused", extra={"code": error.code, "detail": error.detail})
            metrics.FRAMES_REFUSED.labels(error.code).inc()
            await self._report_error(error)
        except OSError:  # the client vanished; see `__call__`
            raise
        except Exception:
            logger.exception("unhandled error processing frame")
            await self._report_error(
                m.WireError("internal", "", close_code=CloseCode.INTERNAL_ERROR)
            )

    def _check_rate(self, size_bytes: int) -> None:
        now, admission = _now(), call_registry().admission
        is_within_rate = self._rate_limiter.consume(size_bytes, now=now)
        if not is_within_rate or not admission.admit_frame(self._address, size_bytes, now=now):
            detail = f"a frame of {size_bytes} bytes"
            raise m.WireError("too_fast", detail, close_code=CloseCode.LIMIT_EXCEEDED)

    async def _handle_message(self, inbound: m.InboundMessage) -> None:
        match inbound.message:
            case m.StartCall() as start:
                await self._start_call(start, inbound)
            case m.ResumeCall() as resume:
                await self._resume_call(resume)
            case m.Ping() as ping:
                await self._send(m.OutboundMessage(m.Pong(payload=ping.payload)))
            case _ if self._active_call is None:
                raise m.WireError("not_started", "before the call has started")
            case _:
                self._active_call.receive(inbound)

    async def _report_error(
        self, error: m.WireError, *, retry_after_s: float | None = None
    ) -> None:
        """Send an error event, and close the connection if the error has a close code."""
        message = customer_error(
            error.code, retryable=retry_after_s is not None, retry_after_s=retry_after_s
        )
        active = self._active_call
        if active is not None and self._wire.is_resumable and self._sender is not None:
            active.call.send_message(message)  # the call gives it a number
            await self._send_pending(active)
        else:
            await self._send(m.OutboundMessage(message, sequence=self._error_sequence))
        if error.close_code is not None:
            await self.close(code=error.close_code)

    # --- The call

    async def _start_call(self, start: m.StartCall, inbound: m.InboundMessage) -> None:
        if self._active_call is not None:
            raise m.WireError("already_started", "a second start")
        self._start_timer.cancel()
        uplink = Uplink()
        uplink.accept(inbound)
        try:
            active = await call_registry().start(
                start,
                self,
                address=self._address,
                uplink=uplink,
                acknowledges=self._wire.is_resumable,
            )
        except TicketError as error:
            code = CloseCode.INVALID_TICKET
            raise m.WireError("no_ticket", str(error), close_code=code) from error
        except CallRefusedError as refusal:
            logger.info("call refused", extra={"code": refusal.code})
            metrics.CALLS_REFUSED.labels(refusal.code).inc()
            await self._report_error(
                m.WireError(refusal.code, "", close_code=CloseCode.LIMIT_EXCEEDED),
                retry_after_s=refusal.retry_after_s,
            )
        else:
            self._carry_call(active)

    async def _resume_call(self, resume: m.ResumeCall) -> None:
        if self._active_call is not None:
            raise m.WireError("already_started", "a resume in a call")
        self._start_timer.cancel()
        self._error_sequence = resume.next_sequence
        try:
            active, resumed = await call_registry().resume(resume, self, address=self._address)
        except UnknownCallError as error:
            raise m.WireError("unknown_call", "", close_code=CloseCode.UNKNOWN_CALL) from error
        except CallRefusedError:
            # The client tries again, and may reach another server.
            await self.close(code=CloseCode.SERVICE_RESTART)
            return
        self._active_call = active  # before sending: if that fails, the call must be detached
        await self._send(m.OutboundMessage(resumed))
        if self._active_call is active:
            self._carry_call(active)

    def _carry_call(self, active: ActiveCall) -> None:
        """Start sending the call's messages on this connection."""
        structlog.contextvars.bind_contextvars(call_id=active.call_id)
        self._active_call = active
        # The limit belongs to the call: a new connection does not reset it.
        active.rate_limiter = self._rate_limiter = active.rate_limiter or self._rate_limiter
        self._sender = self._tasks.create_task(self._send_messages(active))

    def superseded(self) -> None:
        """Close: another connection carries the call now."""
        self._release_call(CloseCode.CONNECTION_REPLACED)

    def redirect(self) -> None:
        """Tell the client to resume its call on another server, and close."""
        active = self._active_call
        if active is not None and self._wire.is_resumable:
            resume_after_ms = settings.CALL_HANDOVER_RECONNECT_MS
            active.call.send_message(m.HandoverStarted(resume_after_ms=resume_after_ms))
        self._release_call(CloseCode.SERVICE_RESTART, send_pending_of=active)

    def _release_call(self, code: CloseCode, *, send_pending_of: ActiveCall | None = None) -> None:
        """Stop carrying the call and close, after sending what a call has pending."""
        self._active_call = None
        if self._sender is not None:
            self._sender.cancel()
        if self._phase is ConnectionPhase.GONE:
            return
        self._phase = max(self._phase, ConnectionPhase.CLOSING)
        self._tasks.create_task(self._send_pending_and_close(send_pending_of, code))

    async def _send_pending_and_close(self, active: ActiveCall | None, code: CloseCode) -> None:
        if active is not None:
            await self._send_pending(active)
        await self.close(code=code)

    # --- To the client

    async def _send_messages(self, active: ActiveCall) -> None:
        """Send the call's messages and acknowledgements until the call or the connection ends."""
        acknowledged_at = _now()
        while not await self._send_pending(active) and self._phase < ConnectionPhase.CLOSED:
            is_due = _now() - acknowledged_at >= ACKNOWLEDGEMENT_INTERVAL_S
            if is_due and (acknowledgement := active.acknowledgement()) is not None:
                acknowledged_at = _now()
                await self._send(m.OutboundMessage(acknowledgement))
            await active.call.changed.wait()
            active.call.changed.clear()

    async def _send_pending(self, active: ActiveCall) -> bool:
        """Send the messages that may be sent now; return whether the call has ended."""
        while self._phase < ConnectionPhase.CLOSED:
            outbound = active.call.outbound.next()
            if outbound is None:
                return False
            await self._send(outbound)
            active.call.message_delivered(outbound.message)
            if isinstance(outbound.message, m.CallEnded):
                await self._end_call(outbound.message.reason)
                return True
        return False

    async def _end_call(self, reason: m.EndReason) -> None:
        """Detach the ended call, and close unless the client may start another one."""
        if self._active_call is not None:
            self._active_call.detach(self)
            self._active_call = None
        if self._wire.is_resumable:
            is_error = reason is m.EndReason.ERROR
            await self.close(code=CloseCode.INTERNAL_ERROR if is_error else CloseCode.NORMAL)

    async def _send(self, outbound: m.OutboundMessage) -> None:
        """Send a message; after the close it is left for the client's next connection."""
        for frame in self._wire.encode(outbound, time_ms=self._time_ms()):
            if self._phase >= ConnectionPhase.CLOSED:
                return
            kind = "bytes" if isinstance(frame, bytes) else "text"
            await self._send_raw({"type": "websocket.send", kind: frame})

    def _time_ms(self) -> int:
        """Return milliseconds: monotonic for the binary wire, since 1970 for the legacy wire."""
        if self._wire.subprotocol is None:
            return int(clock.now().timestamp() * 1000)
        return time.monotonic_ns() // 1_000_000


def _now() -> float:
    return asyncio.get_running_loop().time()
