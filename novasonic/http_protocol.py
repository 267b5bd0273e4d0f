"""uvicorn's HTTP protocol, with time limits and limits of connections.

uvicorn waits for ever for the rest of a request's head, and for a client to read its response, and accepts
connections until the process has no descriptor left; then it accepts nobody's.
"""

import logging
import resource
from asyncio import TimerHandle, Transport
from collections import Counter
from typing import Any, override

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from common.limit_log import LimitLog
from common.networks import network_of
from voice import metrics

logger = logging.getLogger(__name__)

RESERVED_DESCRIPTORS = 128
"""Descriptors for all else: DynamoDB, Bedrock, files, and connections on HEALTH_PORT."""

READ_TIMEOUT_S = 30
"""Enough for the 64 KiB that may wait for a client with 20 kbit/s."""


class ConnectionLimits:
    """Count the HTTP connections of a server by address, and decide about new ones.

    Args:
        per_process: How many connections a server may have, WebSockets among them.
        per_address: How many that are not WebSockets; None: any number.
        head_timeout_s: How long the head of a request may take to arrive.
        read_timeout_s: How long a client may leave what was sent unread: the connection is cut after that.

    """

    def __init__(
        self,
        *,
        per_process: int,
        per_address: int | None,
        head_timeout_s: float,
        read_timeout_s: float = READ_TIMEOUT_S,
    ) -> None:
        self.per_process = per_process
        self.head_timeout_s = head_timeout_s
        self.read_timeout_s = read_timeout_s
        self._per_address = per_address
        self._connections: Counter[str] = Counter()
        self._log = LimitLog(logger, "connection refused")

    def admit(self, address: str, *, open_connections: int) -> str | None:
        """Count a new connection; return the limit that refuses it, if one does."""
        if open_connections > self.per_process:
            return "process"
        if self._per_address is not None and self._connections[address] >= self._per_address:
            return "address"
        self._connections[address] += 1
        return None

    def remove(self, address: str) -> None:
        """Uncount a connection that is closed, or has become a WebSocket."""
        self._connections[address] -= 1
        if self._connections[address] <= 0:
            del self._connections[address]

    def report(self, limit: str, *, now: float) -> None:
        """Count a refused connection in the metrics and in the log."""
        metrics.CONNECTIONS_REFUSED.labels(limit).inc()
        self._log.report(limit, now=now)


def max_connections(configured: int) -> int:
    """Return how many connections the process may have, within its limit of descriptors."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return configured
    return max(1, min(configured, descriptors - RESERVED_DESCRIPTORS))


class LimitedHTTPProtocol(H11Protocol):
    """One HTTP connection. uvicorn creates one for each connection (`http=` in its configuration)."""

    def __init__(self, *args: Any, limits: ConnectionLimits, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits = limits
        self._head_timer: TimerHandle | None = None
        # Runs while the client does not read what waits for it.
        self._read_timer: TimerHandle | None = None
        self._counted_address: str | None = None
        self._is_upgraded = False

    @override
    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Begin a connection, or refuse it."""
        super().connection_made(transport)
        address = network_of(self.client[0]) if self.client else "unknown"
        limit = self._limits.admit(address, open_connections=len(self.connections))
        if limit is not None:
            self._limits.report(limit, now=self.loop.time())
            transport.abort()
            return
        self._counted_address = address
        self._update_head_timer()

    @override
    def data_received(self, data: bytes) -> None:
        """Receive a part of a request."""
        super().data_received(data)
        self._update_head_timer()

    @override
    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Leave the connection to the WebSocket protocol."""
        self._is_upgraded = True
        self._cancel_head_timer()
        self._cancel_read_timer()
        self._uncount()
        super().handle_websocket_upgrade(event)

    @override
    def pause_writing(self) -> None:
        """Let the application wait until the client has read, for a limited time."""
        super().pause_writing()
        self._start_read_timer()

    @override
    def resume_writing(self) -> None:
        """Let the application go on: the client has read."""
        super().resume_writing()
        self._cancel_read_timer()

    @override
    def on_response_complete(self) -> None:
        """Begin to wait for the next request; what of the response waits must be read in time."""
        super().on_response_complete()
        self._limit_last_read()

    @override
    def timeout_keep_alive_handler(self) -> None:
        """Close a kept connection on which no request comes."""
        super().timeout_keep_alive_handler()
        self._limit_last_read()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """End the connection."""
        super().connection_lost(exc)
        self._uncount()
        self._cancel_head_timer()
        self._cancel_read_timer()

    def _limit_last_read(self) -> None:
        """Limit the time in which the client reads what waits, if the connection is closed behind it."""
        if self.transport.is_closing() and self.transport.get_write_buffer_size():
            self._start_read_timer()

    def _start_read_timer(self) -> None:
        if self._read_timer is None:
            self._read_timer = self.loop.call_later(
                self._limits.read_timeout_s, self._read_timed_out
            )

    def _cancel_read_timer(self) -> None:
        if self._read_timer is not None and not self.transport.is_closing():
            self._read_timer.cancel()
            self._read_timer = None

    def _read_timed_out(self) -> None:
        logger.debug("response was not read in time")
        self.transport.abort()

    def _uncount(self) -> None:
        if self._counted_address is not None:
            self._limits.remove(self._counted_address)
            self._counted_address = None

    def _update_head_timer(self) -> None:
        """Limit the time while the head of a request is awaited, however slowly it comes."""
        if self._is_upgraded:
            return  # `cycle` is that of the request before, if there was one
        cycle: Any = self.cycle  # None before the first request, which its type does not say
        is_answered = cycle is not None and cycle.response_complete
        is_rest_of_body = self.conn.their_state is h11.SEND_BODY and is_answered
        is_awaited = self.conn.their_state is h11.IDLE or is_rest_of_body
        if not is_awaited or self.transport.is_closing():
            self._cancel_head_timer()
        elif self._head_timer is None and self.timeout_keep_alive_task is None:
            self._head_timer = self.loop.call_later(
                self._limits.head_timeout_s, self._head_timed_out
            )

    def _cancel_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_timed_out(self) -> None:
        logger.debug("request head timed out")
        self.transport.close()
        self._limit_last_read()
