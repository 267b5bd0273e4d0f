"""The duplex HTTP client below the AWS SDK (`config.transport`; ADR 0003).

The SDK's own clients either do not support duplex streams (aiohttp) or hide lost streams, wait for
ever and leave Nagle's algorithm on (awscrt). This one has a few connections, each with as many
streams as both sides allow, opens the next one when they are full, and closes those that are empty.

Everything runs on one event loop, without tasks and threads: there are only callbacks of asyncio and
timers, so nothing can be left behind. Opening is serialised by a lock *within* the time limit for
connecting: when the service is down, a hundred callers wait for it together, not one after another.
"""

import asyncio
import contextlib
import contextvars
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self

from smithy_core.interfaces import URI
from smithy_http import Fields, tuples_to_fields
from smithy_http.aio import HTTPResponse
from smithy_http.aio.interfaces import HTTPRequest
from smithy_http.interfaces import HTTPRequestConfiguration

from voice.sonic.errors import TransportCode, TransportError
from voice.sonic.http2_connection import Http2Connection
from voice.sonic.http2_stream import Http2Stream, ResponseHead, read_error_body
from voice.sonic.sdk_bodies import FrameBody, RequestBody

_HTTPS_PORT = 443
_TLS_SHUTDOWN_S = 1.0

_NOT_IN_HTTP2 = frozenset({"host", "connection", "keep-alive", "transfer-encoding", "upgrade"})
"""Header fields that HTTP/2 forbids or replaces."""

type _Address = tuple[str, int]


class Http2Client:
    """Sends requests whose bodies continue while the response is received."""

    SUPPORTS_DUPLEX_STREAMING: Literal[True] = True
    TIMEOUT_EXCEPTIONS: tuple[type[Exception], ...] = ()

    def __init__(
        self,
        *,
        ca_file: Path | str | None,
        connect_timeout_s: float,
        header_timeout_s: float,
        idle_timeout_s: float,
        close_timeout_s: float,
        max_streams_per_connection: int,
    ) -> None:
        self._ca_file = ca_file
        self._connect_timeout_s = connect_timeout_s
        self._header_timeout_s = header_timeout_s
        self._idle_timeout_s = idle_timeout_s
        self._close_timeout_s = close_timeout_s
        self._max_streams = max_streams_per_connection
        self._tls: ssl.SSLContext | None = None
        self._pool: dict[_Address, list[Http2Connection]] = {}
        self._opening = asyncio.Lock()
        self._closed = False

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # The SDK copies its configuration for every client and some calls; connections are shared.
        return self

    async def warm(self, destination: URI) -> None:
        """Open a connection if there is none. Raises TransportError."""
        await self._connection_to(_address_of(destination))

    async def send(
        self,
        request: HTTPRequest,
        *,
        request_config: HTTPRequestConfiguration | None = None,  # noqa: ARG002 -- the SDK's
    ) -> HTTPResponse:
        """Open a stream for `request` and wait for the head of its response.

        Args:
            request: Its body must be a `RequestBody`, which may be written to from now on.
            request_config: Not used.

        Raises:
            TransportError: With the code connect_failed, connect_timeout, header_timeout or
                stream_lost.

        """
        body: object = request.body
        if not isinstance(body, RequestBody):
            raise TypeError(f"this client carries duplex streams only, not {type(body)}")
        try:
            connection = await self._connection_to(_address_of(request.destination))
            body.require_wanted()
            stream = connection.open_stream(list(_headers_of(request)))
        except BaseException as error:
            body.fail(_never_opened(error))
            raise
        body.attach(stream)
        try:
            return await self._response(connection, stream, body.frames)
        except BaseException:
            stream.abandon()
            raise

    async def close(self) -> None:
        """Close all connections within the time limit for closing; idempotent."""
        self._closed = True
        connections = [each for pool in self._pool.values() for each in pool]
        await asyncio.gather(*(each.close(self._close_timeout_s) for each in connections))

    # Private methods for streams.

    async def _response(
        self, connection: Http2Connection, stream: Http2Stream, frames: FrameBody
    ) -> HTTPResponse:
        try:
            async with asyncio.timeout(self._header_timeout_s):
                head = await stream.response_head()
        except TimeoutError as error:
            connection.retire()  # it may be dead; the next attempt gets another one
            message = f"no response within {self._header_timeout_s:g} s"
            raise TransportError(TransportCode.HEADER_TIMEOUT, message) from error
        if 200 <= head.status < 300:
            return HTTPResponse(status=head.status, fields=_fields_of(head), body=frames)
        return await self._refusal(stream, head)

    async def _refusal(self, stream: Http2Stream, head: ResponseHead) -> HTTPResponse:
        """Return an error response, with as much of its body as is received in time.

        The service may wait for the end of the request before it ends its response, so the request is
        ended here: other clients wait for ever on a 429.
        """
        stream.end_input()
        body = b""
        with contextlib.suppress(TimeoutError):  # status and headers are enough then
            async with asyncio.timeout(self._header_timeout_s):
                body = await read_error_body(stream)
        stream.abandon()
        return HTTPResponse(status=head.status, fields=_fields_of(head), body=body or b"{}")

    # Private methods for connections.

    async def _connection_to(self, address: _Address) -> Http2Connection:
        """Return a connection with room for a stream, which must be opened before any await."""
        if connection := self._available_connection(address):
            return connection
        try:
            async with asyncio.timeout(self._connect_timeout_s), self._opening:
                return self._available_connection(address) or await self._connect(address)
        except TimeoutError as error:
            message = (
                f"no connection to {address[0]}:{address[1]} within {self._connect_timeout_s:g} s"
            )
            raise TransportError(TransportCode.CONNECT_TIMEOUT, message) from error

    def _available_connection(self, address: _Address) -> Http2Connection | None:
        if self._closed:
            raise TransportError(TransportCode.CONNECT_FAILED, "closed on this side")
        return next((each for each in self._pool.get(address, ()) if each.can_open_stream), None)

    async def _connect(self, address: _Address) -> Http2Connection:
        connection = Http2Connection(
            max_streams=self._max_streams,
            idle_timeout_s=self._idle_timeout_s,
            on_free=lambda: self._close_spare_connections(address),
        )
        try:
            # In a context of its own: it outlives the call that needs it first.
            await asyncio.create_task(  # noqa: TID251 -- awaited here, and cancelled with this
                self._handshake(address, connection), context=contextvars.Context()
            )
            await connection.ready()
            self._require_capacity(connection)
        except BaseException:
            connection.abort("never ready")
            raise
        self._pool.setdefault(address, []).append(connection)
        return connection

    def _require_capacity(self, connection: Http2Connection) -> None:
        if self._closed or not connection.can_open_stream:
            raise TransportError(TransportCode.CONNECT_FAILED, "no stream may be opened")

    async def _handshake(self, address: _Address, connection: Http2Connection) -> None:
        host, port = address
        try:
            transport, _ = await asyncio.get_running_loop().create_connection(
                lambda: connection,
                host,
                port,
                ssl=self._tls_context(),
                ssl_shutdown_timeout=_TLS_SHUTDOWN_S,
            )
        except TimeoutError:
            raise
        except OSError as error:
            raise _connect_error(address, error) from error
        if transport.get_extra_info("ssl_object").selected_alpn_protocol() != "h2":
            raise TransportError(
                TransportCode.CONNECT_FAILED, "the service does not support HTTP/2"
            )

    def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            # If a private CA is configured, no other is trusted.
            try:
                tls = ssl.create_default_context(cafile=self._ca_file)
            except OSError as error:
                message = f"the CA file {self._ca_file} cannot be used: {error}"
                raise TransportError(
                    TransportCode.CONNECT_FAILED, message, retryable=False
                ) from error
            tls.set_alpn_protocols(["h2"])
            self._tls = tls
        return self._tls

    def _close_spare_connections(self, address: _Address) -> None:
        """Remove closed connections, and retire all empty ones but one."""
        pool = self._pool.get(address, [])
        pool[:] = [each for each in pool if not each.is_closed]
        for spare in [each for each in pool if each.is_empty and each.can_open_stream][1:]:
            spare.retire()


def _never_opened(error: BaseException) -> TransportError:
    if isinstance(error, TransportError):
        return error
    return TransportError(TransportCode.CONNECT_FAILED, f"no stream was opened: {error!r}")


def _connect_error(address: _Address, error: OSError) -> TransportError:
    message = f"cannot connect to {address[0]}:{address[1]}: {error}"
    # Only an untrusted certificate stays untrusted.
    retryable = not isinstance(error, ssl.SSLCertVerificationError)
    return TransportError(TransportCode.CONNECT_FAILED, message, retryable=retryable)


def _address_of(destination: URI) -> _Address:
    return destination.host, destination.port or _HTTPS_PORT


def _headers_of(request: HTTPRequest) -> Iterator[tuple[str, str]]:
    destination = request.destination
    query = f"?{destination.query}" if destination.query else ""
    yield ":method", request.method
    yield ":scheme", destination.scheme
    yield ":authority", destination.netloc
    yield ":path", f"{destination.path or '/'}{query}"
    for field in request.fields:
        name = field.name.lower()
        if name not in _NOT_IN_HTTP2:
            yield from ((name, _require_single_line(value)) for value in field.values)


def _require_single_line(value: str) -> str:
    """Refuse line breaks in a header field; neither h2 nor the SDK does."""
    if any(character in value for character in "\r\n\0"):
        raise ValueError(f"a header field holds a line break: {value!r}")
    return value


def _fields_of(head: ResponseHead) -> Fields:
    return tuples_to_fields(head.headers)
