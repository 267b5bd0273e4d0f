"""The voice WebSocket: frames of a client to its call, and the call's messages back.

Channels accepts the connection and sees its end. Frames do not pass through it: a `FrameConnection` brings
and sends them, in one chain of calls from the socket to the call's session and back, without a task switch
(ADR 0006). The cleanup is in `__call__`, because servers do not call `disconnect` in all cases.

A connection is not the call. Its first message starts a call or resumes one; if the connection is
lost, the call continues without it.
"""

import asyncio
import logging
import time
from collections import deque
from enum import IntEnum
from typing import Any, Protocol

import structlog
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from common import client_address, clock, ids
from common.limit_log import LimitLog
from voice import metrics
from voice.calls import configuration
from voice.calls.active_call import ActiveCall
from voice.calls.registry import UnknownCallError, call_registry
from voice.calls.uplink import Uplink
from voice.customer_errors import call_waiting, customer_error
from voice.gateway import legacy_access
from voice.gateway.admission import CallRefusedError
from voice.gateway.frame_connection import AsgiFrameConnection, Frame, frame_connection
from voice.gateway.rate_limits import FrameRateLimiter, Rate, TokenBucket
from voice.gateway.tickets import TicketError
from voice.wire import messages as m
from voice.wire.binary import SUBPROTOCOL, BinaryWire
from voice.wire.close_codes import CloseCode
from voice.wire.legacy import LegacyWire

logger = logging.getLogger(__name__)
_refusals = LimitLog(logger, "websocket refused")

ACKNOWLEDGEMENT_INTERVAL_S = 0.25
REFUSED_FRAME_RATE = Rate(per_s=1, burst=100)
"""A connection with more refused frames is closed: each costs a log record and an answer."""


class Wire(Protocol):
    """Converts frames to messages and back; see `voice.wire`."""

    subprotocol: str | None
    is_resumable: bool
    """Whether frames have numbers and acknowledgements, so that a call survives its connection."""

    def decode(self, frame: Frame) -> list[m.InboundMessage]:
        """Return the messages in a frame. Raises WireError."""

    def decode_audio(self, frame: Frame) -> tuple[bytes, int | None, bool] | None:
        """Return PCM, number and whether it was sent before, if a frame is plain audio; else None."""

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
        # For the log; frames may come in another context than this coroutine's.
        self._log_fields = {"connection_id": ids.opaque_id()}
        structlog.contextvars.bind_contextvars(**self._log_fields)
        self._address = client_address.address_of_scope(scope)
        self._wire: Wire = BinaryWire() if SUBPROTOCOL in scope["subprotocols"] else LegacyWire()
        self._rate_limiter = FrameRateLimiter(
            frame_rate=configuration.frame_rate(), byte_rate=configuration.byte_rate()
        )
        self._address_limiter = call_registry().admission.frame_limiter(self._address)
        # Frames that wait while a call is being started or resumed; None otherwise.
        self._waiting_frames: deque[Frame] | None = None
        self._is_sending = False
        self._acknowledged_at = 0.0
        self._is_admitted = False
        # The number of an error that is sent outside of a call: the first that the client expects.
        self._error_sequence = 0
        self._refused_frames = TokenBucket(REFUSED_FRAME_RATE, now=_now())
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._frames = frame_connection(scope) or AsgiFrameConnection(
                    send, self._tasks.create_task
                )
                self._watch_for_start()
                connection = self._tasks.create_task(super().__call__(scope, receive, send))
                connection.add_done_callback(lambda _: self._clean_up())
        except* OSError:  # the client vanished while a frame was being sent
            logger.debug("connection lost")

    async def dispatch(self, message: Any) -> None:
        """Handle a frame without Channels' thread hop; leave other messages to Channels."""
        if message["type"] != "websocket.receive":
            await super().dispatch(message)
        else:
            frame = message.get("bytes")
            self.frame_received(message["text"] if frame is None else frame)

    async def connect(self) -> None:
        """Accept the connection with the subprotocol of its wire, or reject it."""
        self._is_admitted = call_registry().admission.admit_connection(self._address)
        if not self._is_admitted:
            await self._reject("websockets")
        elif not (self._wire.is_resumable or legacy_access.may_connect(self.scope)):
            await self._reject("legacy")
        else:
            await self.accept(subprotocol=self._wire.subprotocol)
            self._frames.start(self)

    async def _reject(self, limit: str) -> None:
        metrics.CONNECTIONS_REFUSED.labels(limit).inc()
        _refusals.report(limit, now=_now())
        await self.close()

    async def close(self, code: Any = None, reason: Any = None) -> None:
        """Close the connection, unless it is closed."""
        if self._phase < ConnectionPhase.CLOSED:
            self._phase = ConnectionPhase.CLOSED
            await self._frames.flush()
            await super().close(code, reason)

    def _watch_for_start(self) -> None:
        """Close the connection later, unless a call is started or resumed on it in time."""
        self._start_timer = self._tasks.create_task(self._close_without_start())

    async def _close_without_start(self) -> None:
        await asyncio.sleep(settings.CALL_START_TIMEOUT_S)
        if self._active_call is None:
            await self.close(code=CloseCode.START_TIMEOUT)

    def _close_soon(self, code: CloseCode) -> None:
        """Close, and handle no more frames."""
        if self._phase < ConnectionPhase.CLOSED:
            self._phase = ConnectionPhase.CLOSING
            self._tasks.create_task(self.close(code=code))

    def _clean_up(self) -> None:
        """Cancel the tasks of a finished connection, and detach it from its call."""
        self._phase = ConnectionPhase.GONE
        self._start_timer.cancel()
        if self._is_admitted:
            call_registry().admission.remove_connection(self._address)
        if self._active_call is not None:
            self._active_call.call.stop_listening(self)
            call_registry().connection_lost(self._active_call, self)

    # --- From the client

    def frame_received(self, frame: Frame) -> None:
        """Handle a frame; report an error to the client instead of raising it."""
        if self._waiting_frames is not None:
            self._waiting_frames.append(frame)
            return
        if self._phase is not ConnectionPhase.OPEN:
            return
        try:
            self._check_rate(len(frame))
            audio = self._wire.decode_audio(frame)
            if audio is not None and self._active_call is not None:
                self._active_call.receive_audio(*audio)
            else:
                self._handle_messages(self._wire.decode(frame))
        except m.WireError as error:
            self._refuse_frame(error)
        except Exception:
            logger.exception("unhandled error processing frame", extra=self._log_fields)
            self._report_error(m.WireError("internal", "", close_code=CloseCode.INTERNAL_ERROR))

    def _check_rate(self, size_bytes: int) -> None:
        now_ns = time.monotonic_ns()
        if not (
            self._rate_limiter.consume(size_bytes, now_ns=now_ns)
            and self._address_limiter.consume(size_bytes, now_ns=now_ns)
        ):
            detail = f"a frame of {size_bytes} bytes"
            raise m.WireError("too_fast", detail, close_code=CloseCode.LIMIT_EXCEEDED)

    def _handle_messages(self, messages: list[m.InboundMessage]) -> None:
        for number, inbound in enumerate(messages):
            match inbound.message:
                case m.StartCall() | m.ResumeCall():
                    self._begin_call(inbound, following=messages[number + 1 :])
                    return
                case m.Ping() as ping:
                    if self._frames.is_writable:  # a client that reads nothing needs none
                        self._send(m.OutboundMessage(m.Pong(payload=ping.payload)))
                case _ if self._active_call is None:
                    raise m.WireError("not_started", "before the call has started")
                case _:
                    self._active_call.receive(inbound)

    def _refuse_frame(self, error: m.WireError) -> None:
        """Report a frame that is refused; close the connection if there are too many of them."""
        if not self._refused_frames.consume(1, now=_now()) and error.close_code is None:
            error = m.WireError(error.code, error.detail, close_code=CloseCode.POLICY_VIOLATION)
        fields = {"code": error.code, "detail": error.detail, **self._log_fields}
        logger.info("frame refused", extra=fields)
        metrics.FRAMES_REFUSED.labels(error.code).inc()
        self._report_error(error)

    def _report_error(self, error: m.WireError, *, retry_after_s: float | None = None) -> None:
        """Send an error event, and close the connection if the error has a close code."""
        message = customer_error(
            error.code, retryable=retry_after_s is not None, retry_after_s=retry_after_s
        )
        active = self._active_call
        if active is not None and self._wire.is_resumable:
            active.call.send_message(message)  # the call gives it a number
            self._send_pending(active, is_last=True)
        else:
            self._send(m.OutboundMessage(message, sequence=self._error_sequence))
        if error.close_code is not None:
            self._close_soon(error.close_code)

    # --- The call

    def _begin_call(self, inbound: m.InboundMessage, *, following: list[m.InboundMessage]) -> None:
        """Start or resume a call in a task; the frames that follow wait for it."""
        if self._active_call is not None:
            raise m.WireError("already_started", type(inbound.message).__name__)
        self._start_timer.cancel()
        self._waiting_frames = deque()
        self._frames.pause_receiving()
        self._tasks.create_task(self._start_or_resume(inbound, following))

    async def _start_or_resume(
        self, inbound: m.InboundMessage, following: list[m.InboundMessage]
    ) -> None:
        try:
            if isinstance(inbound.message, m.ResumeCall):
                await self._resume_call(inbound.message)
            elif isinstance(inbound.message, m.StartCall):
                await self._start_call(inbound.message, inbound)
            if self._phase is ConnectionPhase.OPEN:
                self._handle_messages(following)
        except m.WireError as error:
            self._refuse_frame(error)
        except OSError:  # the client vanished; see `__call__`
            raise
        except Exception:
            logger.exception("unhandled error starting a call", extra=self._log_fields)
            self._report_error(m.WireError("internal", "", close_code=CloseCode.INTERNAL_ERROR))
        finally:
            self._receive_waiting_frames()

    def _receive_waiting_frames(self) -> None:
        """Handle the frames that waited, now that a call has begun, or has been refused."""
        waiting, self._waiting_frames = self._waiting_frames or deque[Frame](), None
        for frame in waiting:
            self.frame_received(frame)
        self._frames.resume_receiving()
        is_idle = self._active_call is None and self._waiting_frames is None
        if is_idle and self._phase is ConnectionPhase.OPEN:
            self._watch_for_start()

    async def _start_call(self, start: m.StartCall, inbound: m.InboundMessage) -> None:
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
            logger.info("call refused", extra={"code": refusal.code, **self._log_fields})
            metrics.CALLS_REFUSED.labels(refusal.code).inc()
            self._report_error(
                m.WireError(refusal.code, "", close_code=CloseCode.LIMIT_EXCEEDED),
                retry_after_s=refusal.retry_after_s,
            )
        else:
            self._carry_call(active)

    async def _resume_call(self, resume: m.ResumeCall) -> None:
        self._error_sequence = resume.next_sequence
        try:
            active, resumed = await call_registry().resume(resume, self, address=self._address)
        except UnknownCallError as error:
            raise m.WireError("unknown_call", "", close_code=CloseCode.UNKNOWN_CALL) from error
        except CallRefusedError as refusal:
            if refusal.retry_after_s is None:
                metrics.CALLS_REFUSED.labels(refusal.code).inc()
                raise m.WireError(
                    refusal.code, "", close_code=CloseCode.LIMIT_EXCEEDED
                ) from refusal
            # The client tries again, and may reach another server.
            if refusal.code != "draining":
                logger.info(
                    "call waits for a line", extra={"code": refusal.code, **self._log_fields}
                )
                metrics.CALLS_WAITING.labels(refusal.code).inc()
                self._send(m.OutboundMessage(call_waiting(retry_after_s=refusal.retry_after_s)))
            self._close_soon(CloseCode.SERVICE_RESTART)
            return
        self._send(m.OutboundMessage(resumed))
        self._carry_call(active)

    def _carry_call(self, active: ActiveCall) -> None:
        """Send the call's messages on this connection from now on."""
        self._log_fields["call_id"] = active.call_id
        structlog.contextvars.bind_contextvars(call_id=active.call_id)
        self._active_call = active
        if self._phase is ConnectionPhase.GONE:  # the client vanished while the call began
            call_registry().connection_lost(active, self)
            return
        # The limit belongs to the call: a new connection does not reset it.
        active.rate_limiter = self._rate_limiter = active.rate_limiter or self._rate_limiter
        self._acknowledged_at = _now()
        active.call.listen(self)

    def superseded(self) -> None:
        """Close: another connection carries the call now."""
        self._release_call()
        self._close_soon(CloseCode.CONNECTION_REPLACED)

    def redirect(self) -> None:
        """Tell the client to resume its call on another server, and close."""
        active = self._release_call()
        if active is not None and self._wire.is_resumable:
            resume_after_ms = settings.CALL_HANDOVER_RECONNECT_MS
            active.call.send_message(m.HandoverStarted(resume_after_ms=resume_after_ms))
        if active is not None:
            self._send_pending(active, is_last=True)
        self._close_soon(CloseCode.SERVICE_RESTART)

    def _release_call(self) -> ActiveCall | None:
        """Stop carrying the call; return it."""
        active, self._active_call = self._active_call, None
        if active is not None:
            active.call.stop_listening(self)
        return active

    # --- To the client

    def outbound_changed(self) -> None:
        """Send the call's messages that may be sent now."""
        if self._active_call is not None:
            self._send_pending(self._active_call)

    def writable_again(self) -> None:
        """Send what waits, now that the client receives again."""
        self.outbound_changed()

    def _send_pending(self, active: ActiveCall, *, is_last: bool = False) -> None:
        """Send queued messages while the client receives them, and an acknowledgement if one is due.

        Sending a message can queue others, which calls this method again: only the outermost call sends.

        Args:
            active: The call.
            is_last: Whether to send everything, because the connection is about to close.

        """
        if self._is_sending:
            return
        self._is_sending = True
        try:
            while self._phase < ConnectionPhase.CLOSED and (is_last or self._frames.is_writable):
                outbound = active.call.outbound.next()
                if outbound is None:
                    break
                self._send(outbound)
                active.call.message_delivered(outbound.message)
                if isinstance(outbound.message, m.CallEnded):
                    self._end_call(active, outbound.message.reason)
                    return
            if (now := _now()) - self._acknowledged_at >= ACKNOWLEDGEMENT_INTERVAL_S:
                acknowledgement = active.acknowledgement()
                if acknowledgement is not None:
                    self._acknowledged_at = now
                    self._send(m.OutboundMessage(acknowledgement))
        finally:
            self._is_sending = False

    def _end_call(self, active: ActiveCall, reason: m.EndReason) -> None:
        """Detach the ended call, and close unless the client may start another one."""
        active.detach(self)
        active.call.stop_listening(self)
        self._active_call = None
        if self._wire.is_resumable:
            is_error = reason is m.EndReason.ERROR
            self._close_soon(CloseCode.INTERNAL_ERROR if is_error else CloseCode.NORMAL)
        elif self._phase is ConnectionPhase.OPEN:
            self._watch_for_start()

    def _send(self, outbound: m.OutboundMessage) -> None:
        """Send a message; after the close it is left for the client's next connection."""
        if self._phase < ConnectionPhase.CLOSED:
            for frame in self._wire.encode(outbound, time_ms=self._time_ms()):
                self._frames.send_frame(frame)

    def _time_ms(self) -> int:
        """Return milliseconds: monotonic for the binary wire, since 1970 for the legacy wire."""
        if self._wire.subprotocol is None:
            return int(clock.now().timestamp() * 1000)
        return time.monotonic_ns() // 1_000_000


def _now() -> float:
    return asyncio.get_running_loop().time()
