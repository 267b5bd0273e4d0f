"""The duplex HTTP client that the AWS SDK speaks through (``config.transport``; ADR 0003).

The SDK's own clients either cannot do duplex (aiohttp) or hide lost streams, wait for ever
and leave Nagle on (awscrt). This one keeps a few connections, each with as many streams as
both sides allow, opens the next when they are full, and closes those that empty out.

Theory. Everything runs on one event loop and nothing runs in the background: there is no
task and no thread here, only callbacks of asyncio and timers. So there is nothing to leave
behind. Opening is serialised by a lock *within* the time allowed for connecting: when the
service is down, a hundred callers wait for it together and not one after another.
"""

import asyncio
import contextlib
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
from voice.sonic.http2_stream import (
    Http2Stream,
    RequestBody,
    ResponseBody,
    ResponseHead,
    read_error_body,
)

_HTTPS_PORT = 443
_TLS_GOODBYE_S = 1.0

_NOT_IN_HTTP2 = frozenset({"host", "connection", "keep-alive", "transfer-encoding", "upgrade"})
"""Fields that HTTP/2 forbids, or says otherwise."""

type _Place = tuple[str, int]


class Http2Client:
    """Sends requests whose bodies go on while the response comes."""

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
        self._pool: dict[_Place, list[Http2Connection]] = {}
        self._opening = asyncio.Lock()
        self._closed = False

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # The SDK copies its configuration for every client and some calls. Connections
        # cannot be copied, and are not meant to be.
        return self

    async def warm(self, destination: URI) -> None:
        """Have a connection ready. Raises TransportError."""
        await self._connection_to(_place_of(destination))

    async def send(
        self,
        request: HTTPRequest,
        *,
        request_config: HTTPRequestConfiguration | None = None,  # noqa: ARG002 -- the SDK's
    ) -> HTTPResponse:
        """Open a stream for ``request`` and wait for the head of its response.

        Its body must be a :class:`RequestBody`, and may be written to from now on. Raises
        TransportError (connect_failed, connect_timeout, header_timeout, stream_lost).
        """
        body: object = request.body
        if not isinstance(body, RequestBody):
            raise TypeError(f"this client carries duplex streams only, not {type(body)}")
        try:
            connection = await self._connection_to(_place_of(request.destination))
            body.require_wanted()
            stream = connection.open_stream(list(_headers_of(request)))
        except BaseException as error:
            body.fail(_never_opened(error))
            raise
        body.attach(stream)
        try:
            return await self._response(connection, stream)
        except BaseException:
            stream.abandon()
            raise

    async def close(self) -> None:
        """Close all connections, within the time allowed for it; idempotent."""
        self._closed = True
        connections = [each for pool in self._pool.values() for each in pool]
        await asyncio.gather(*(each.close(self._close_timeout_s) for each in connections))

    # Private methods for streams.

    async def _response(self, connection: Http2Connection, stream: Http2Stream) -> HTTPResponse:
        try:
            async with asyncio.timeout(self._header_timeout_s):
                head = await stream.response_head()
        except TimeoutError as error:
            connection.retire()  # it may be dead; the next attempt deserves another one
            message = f"no response within {self._header_timeout_s:g} s"
            raise TransportError(TransportCode.HEADER_TIMEOUT, message) from error
        if 200 <= head.status < 300:
            body = ResponseBody(stream)
            return HTTPResponse(status=head.status, fields=_fields_of(head), body=body)
        return await self._refusal(stream, head)

    async def _refusal(self, stream: Http2Stream, head: ResponseHead) -> HTTPResponse:
        """Give a response that is an error, with as much of its body as comes in time.

        The service may wait for the end of the request before it ends its answer, so we
        end it: this is where other clients wait for ever on a 429.
        """
        stream.end_input()
        body = b""
        with contextlib.suppress(TimeoutError):  # the status and the headers say enough
            async with asyncio.timeout(self._header_timeout_s):
                body = await read_error_body(stream)
        stream.abandon()
        return HTTPResponse(status=head.status, fields=_fields_of(head), body=body or b"{}")

    # Private methods for connections.

    async def _connection_to(self, place: _Place) -> Http2Connection:
        """Give a connection with room for a stream, which must be opened before any await."""
        if connection := self._with_room(place):
            return connection
        try:
            async with asyncio.timeout(self._connect_timeout_s), self._opening:
                return self._with_room(place) or await self._connect(place)
        except TimeoutError as error:
            message = f"no connection to {place[0]}:{place[1]} within {self._connect_timeout_s:g} s"
            raise TransportError(TransportCode.CONNECT_TIMEOUT, message) from error

    def _with_room(self, place: _Place) -> Http2Connection | None:
        if self._closed:
            raise TransportError(TransportCode.CONNECT_FAILED, "closed on this side")
        return next((each for each in self._pool.get(place, ()) if each.has_room), None)

    async def _connect(self, place: _Place) -> Http2Connection:
        connection = Http2Connection(
            max_streams=self._max_streams,
            idle_timeout_s=self._idle_timeout_s,
            on_free=lambda: self._tidy(place),
        )
        try:
            await self._shake_hands(place, connection)
            await connection.ready()
            self._require_use(connection)
        except BaseException:
            connection.abort("never ready")
            raise
        self._pool.setdefault(place, []).append(connection)
        return connection

    def _require_use(self, connection: Http2Connection) -> None:
        if self._closed or not connection.has_room:
            raise TransportError(TransportCode.CONNECT_FAILED, "no stream may be opened")

    async def _shake_hands(self, place: _Place, connection: Http2Connection) -> None:
        host, port = place
        try:
            transport, _ = await asyncio.get_running_loop().create_connection(
                lambda: connection,
                host,
                port,
                ssl=self._tls_context(),
                ssl_shutdown_timeout=_TLS_GOODBYE_S,
            )
        except TimeoutError:
            raise
        except OSError as error:
            raise _connect_error(place, error) from error
        if transport.get_extra_info("ssl_object").selected_alpn_protocol() != "h2":
            raise TransportError(TransportCode.CONNECT_FAILED, "the service speaks no HTTP/2")

    def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            # A private CA stands alone: where one is configured, no other is trusted.
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

    def _tidy(self, place: _Place) -> None:
        """Forget connections that have gone, and let go of the empty ones but one."""
        pool = self._pool.get(place, [])
        pool[:] = [each for each in pool if not each.is_closed]
        for spare in [each for each in pool if each.is_empty and each.has_room][1:]:
            spare.retire()


def _never_opened(error: BaseException) -> TransportError:
    if isinstance(error, TransportError):
        return error
    return TransportError(TransportCode.CONNECT_FAILED, f"no stream was opened: {error!r}")


def _connect_error(place: _Place, error: OSError) -> TransportError:
    message = f"cannot connect to {place[0]}:{place[1]}: {error}"
    # Trying again helps against anything but a certificate we do not trust.
    retryable = not isinstance(error, ssl.SSLCertVerificationError)
    return TransportError(TransportCode.CONNECT_FAILED, message, retryable=retryable)


def _place_of(destination: URI) -> _Place:
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
            yield from ((name, _safe(value)) for value in field.values)


def _safe(value: str) -> str:
    """Refuse what could end a field early; h2 lets it out, and the SDK leaves it to us."""
    if any(character in value for character in "\r\n\0"):
        raise ValueError(f"a header field holds a line break: {value!r}")
    return value


def _fields_of(head: ResponseHead) -> Fields:
    return tuples_to_fields(head.headers)
