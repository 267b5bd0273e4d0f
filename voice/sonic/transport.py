"""The way to Nova Sonic through the AWS SDK.

The only room that imports the Bedrock SDK. The SDK signs, frames and parses; bytes go
through our own HTTP/2 client (:mod:`voice.sonic.http2`, ADR 0003).

Here it is hard: the SDK waits for ever where it should fail. Three rules keep it honest.

1. Credentials are found *before* it is called; without them its call never returns.
2. What it awaits is ours and always answers: connecting, the head of the response, a frame
   to read and room to write all have a time limit inside :mod:`voice.sonic.http2`.
3. Its ``await_output`` must not be cancelled, so it runs in one short task per stream,
   owned and awaited by the stream, and over when the response has begun. Whoever waits for
   it waits beside it.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aws_sdk_bedrock_runtime.client import (  # type: ignore[import-untyped]  # has no py.typed
    AsyncBedrockRuntimeClient,
)
from aws_sdk_bedrock_runtime.config import (  # type: ignore[import-untyped]
    AsyncBedrockRuntimeConfig,
)
from aws_sdk_bedrock_runtime.models import (  # type: ignore[import-untyped]
    BidirectionalInputPayloadPart,
    InvokeModelWithBidirectionalStreamInputChunk,
    InvokeModelWithBidirectionalStreamOperationInput,
    InvokeModelWithBidirectionalStreamOutputChunk,
)
from smithy_aws_core.identity import AWSCredentialsIdentity
from smithy_core import URI
from smithy_core.exceptions import SmithyError
from smithy_core.interceptors import Interceptor, RequestContext
from smithy_http.aio.interfaces import HTTPRequest

from voice.sonic.credentials import AwsIdentityResolver, CredentialsResolver, FrozenIdentity
from voice.sonic.errors import TransportCode, TransportError
from voice.sonic.failures import as_transport_error
from voice.sonic.http2 import Http2Client
from voice.sonic.http2_stream import RequestBody
from voice.sonic.interfaces import PayloadStream, SonicStream, SonicTransport
from voice.sonic.payload_adapter import PayloadStreamAdapter

__all__ = ["BedrockConfig", "BedrockTransport", "PayloadStream", "SonicStream", "SonicTransport"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BedrockConfig:
    """Which model, where, and how long to wait for it.

    ``idle_timeout_s`` is how long the service may say nothing at all: it does so while
    the customer is silent, so it is generous; a stream lives 480 s at most anyway.
    """

    region: str
    model_id: str
    endpoint_url: str | None = None
    ca_file: Path | str | None = None
    connect_timeout_s: float = 5.0
    header_timeout_s: float = 15.0
    idle_timeout_s: float = 300.0
    close_timeout_s: float = 3.0
    max_streams_per_connection: int = 50


class BedrockTransport:
    """Nova Sonic on Amazon Bedrock, or on whatever answers at ``endpoint_url``."""

    def __init__(
        self, config: BedrockConfig, credentials: AwsIdentityResolver | None = None
    ) -> None:
        self._config = config
        self._credentials = credentials or CredentialsResolver()
        self._http = Http2Client(
            ca_file=config.ca_file,
            connect_timeout_s=config.connect_timeout_s,
            header_timeout_s=config.header_timeout_s,
            idle_timeout_s=config.idle_timeout_s,
            close_timeout_s=config.close_timeout_s,
            max_streams_per_connection=config.max_streams_per_connection,
        )
        self._preparing = asyncio.Lock()
        # The SDK's client, made when it is first needed: making it is asynchronous.
        self._client: Any = None
        self._streams: set[BedrockStream] = set()

    async def open_stream(self) -> SonicStream:
        """Open a stream; events may be sent at once. Raises TransportError."""
        return PayloadStreamAdapter(await self.open())

    async def open(self) -> PayloadStream:
        """Open a stream; it may be written to at once. Raises TransportError."""
        client = await self._prepared_client()
        identity = await self._identity()
        body = RequestBody()
        sdk_stream = await self._invoke(client, identity, body)
        stream = BedrockStream(
            sdk_stream,
            body,
            close_timeout_s=self._config.close_timeout_s,
            credentials_until=_expiry_of(identity),
            on_denied=self._credentials.invalidate,
            on_close=self._streams.discard,
        )
        self._streams.add(stream)
        try:
            await body.opened()
        except BaseException:
            await stream.close()
            raise
        return stream

    async def warm(self) -> None:
        """Have the SDK, credentials and a connection ready. Raises TransportError."""
        await self._prepared_client()
        await self._identity()
        await self._http.warm(_endpoint_of(self._config))

    async def close(self) -> None:
        """Close every stream and connection. Idempotent, bounded in time, never raises."""
        await asyncio.gather(*(stream.close() for stream in tuple(self._streams)))
        await self._http.close()

    async def _prepared_client(self) -> Any:
        async with self._preparing:
            if self._client is None:
                with _translated():
                    config = await AsyncBedrockRuntimeConfig.resolve(
                        region=self._config.region,
                        endpoint_uri=_endpoint_of(self._config),
                        transport=self._http,
                        aws_credentials_identity_resolver=self._credentials,
                    )
                self._client = AsyncBedrockRuntimeClient(config)
            return self._client

    async def _identity(self) -> AWSCredentialsIdentity:
        try:
            async with asyncio.timeout(self._config.connect_timeout_s):
                return await self._credentials.get_identity(properties={})
        except TimeoutError as error:
            message = f"no AWS credentials within {self._config.connect_timeout_s:g} s"
            raise TransportError(
                TransportCode.CREDENTIALS_MISSING, message, retryable=True
            ) from error

    async def _invoke(
        self, client: Any, identity: AWSCredentialsIdentity, body: RequestBody
    ) -> Any:
        """Begin the request. The SDK never answers if anything fails before it is sent."""
        model = InvokeModelWithBidirectionalStreamOperationInput(model_id=self._config.model_id)
        prepare = partial(_prepare, identity=identity, body=body)
        try:
            async with asyncio.timeout(self._config.header_timeout_s):
                with _translated():
                    return await client.invoke_model_with_bidirectional_stream(
                        model, plugins=[prepare]
                    )
        except TimeoutError as error:
            body.abandon()
            message = "the SDK did not begin the request"
            raise TransportError(TransportCode.HEADER_TIMEOUT, message) from error
        except BaseException:
            body.abandon()  # its tasks go on without us, and must not open a stream
            raise


class BedrockStream:
    """One bidirectional stream of the SDK, made safe to wait on."""

    def __init__(
        self,
        sdk_stream: Any,
        body: RequestBody,
        *,
        close_timeout_s: float,
        credentials_until: float | None,
        on_denied: Callable[[], Awaitable[None]],
        on_close: Callable[["BedrockStream"], None],
    ) -> None:
        self.credentials_until = credentials_until
        self._sdk_stream = sdk_stream
        self._body = body
        self._close_timeout_s = close_timeout_s
        self._on_denied = on_denied
        self._on_close = on_close
        # Frames are a chain of signatures: one at a time.
        self._sending = asyncio.Lock()
        # Why the stream is lost, once it is; and whether whoever receives knows the end.
        self._failure: TransportError | None = None
        self._end_known = asyncio.Event()
        self._closed = False
        self._answer = asyncio.create_task(  # noqa: TID251 -- close() awaits it; see the top
            sdk_stream.await_output()
        )
        self._answer.add_done_callback(_heard)

    async def send(self, payload: bytes) -> None:
        """Send one JSON payload; waits while the service is slow. Raises TransportError."""
        part = BidirectionalInputPayloadPart(bytes_=payload)
        chunk = InvokeModelWithBidirectionalStreamInputChunk(value=part)
        try:
            await self._write(partial(self._sdk_stream.input_stream.send, chunk))
        except TransportError as error:
            raise await self._reason(error) from error

    async def receive(self) -> bytes | None:
        """Give the next JSON payload; None after a clean end. Raises TransportError."""
        if self._failure is not None:
            raise self._failure
        try:
            with _translated(self._body):
                payload = await self._next_payload()
        except TransportError as error:
            await self._note_failure(error)
            raise
        if payload is None:
            self._end_known.set()
        return payload

    async def accepted(self) -> None:
        """Wait until the service has taken the stream. Raises TransportError if it refuses it."""
        try:
            with _translated(self._body):
                await self._receiver()
        except TransportError as error:
            await self._note_failure(error)
            raise

    async def end_input(self) -> None:
        """Say that nothing more will be sent, and go on receiving; idempotent."""
        try:
            await self._write(self._sdk_stream.input_stream.close)
        except TransportError as error:  # whoever receives learns why
            _log.debug("input not ended code=<%s>", error.code)

    async def close(self) -> None:
        """End the stream and free all it holds. Idempotent, bounded in time, never raises."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._body.is_settled:
                await self._end_politely()
            else:  # still connecting
                self._answer.cancel()
        finally:
            self._body.abandon()
            self._end_known.set()
            self._on_close(self)
            await self._settle_answer()

    async def _write(self, frame: Callable[[], Awaitable[None]]) -> None:
        """Let the SDK write a frame. They are a chain of signatures: one at a time, and whole."""
        async with self._sending:
            try:
                with _translated():
                    await frame()
            except asyncio.CancelledError:
                self._body.abandon()
                raise

    async def _next_payload(self) -> bytes | None:
        receiver = await self._receiver()
        while (event := await receiver.receive()) is not None:
            if isinstance(event, InvokeModelWithBidirectionalStreamOutputChunk):
                if event.value.bytes_ is None:
                    raise TransportError(TransportCode.BAD_FRAME, "a chunk without bytes")
                return bytes(event.value.bytes_)
            _log.debug("unknown stream member type=<%s>", type(event).__name__)
        return None

    async def _receiver(self) -> Any:
        if not self._answer.done():
            await asyncio.wait({self._answer})  # which may be cancelled without cancelling it
        if self._answer.cancelled():
            raise TransportError(TransportCode.STREAM_LOST, "closed on this side")
        _, receiver = self._answer.result()
        return receiver

    async def _reason(self, error: TransportError) -> TransportError:
        """Give the service's own reason for a lost stream, if it gives one in time."""
        if error.code is not TransportCode.STREAM_LOST:
            return error
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._close_timeout_s):
                await self._hear_end()
        return self._failure or error

    async def _hear_end(self) -> None:
        """Wait until the service has refused the stream, or whoever receives knows its end."""
        try:
            with _translated(self._body):
                await self._receiver()
        except TransportError as refusal:
            await self._note_failure(refusal)
        else:
            await self._end_known.wait()

    async def _note_failure(self, error: TransportError) -> None:
        self._failure = self._failure or error
        self._end_known.set()
        if error.code is TransportCode.ACCESS_DENIED:
            await self._on_denied()

    async def _end_politely(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._close_timeout_s):
                await self.end_input()

    async def _settle_answer(self) -> None:
        """Leave no task behind."""
        await asyncio.wait({self._answer}, timeout=self._close_timeout_s)
        self._answer.cancel()
        await asyncio.wait({self._answer})


def _expiry_of(identity: AWSCredentialsIdentity) -> float | None:
    """Return when credentials expire, on the loop's clock."""
    if identity.expiration is None:
        return None
    left_s = identity.expiration.timestamp() - time.time()
    return asyncio.get_running_loop().time() + left_s


def _heard(answer: asyncio.Task[Any]) -> None:
    """Take note of a failure nobody may ask for, or asyncio complains that nobody did."""
    if not answer.cancelled():
        answer.exception()


class _DirectBody(Interceptor[Any, Any, HTTPRequest, Any]):
    """Lets the SDK write onto the stream itself, and not into a buffer before it."""

    def __init__(self, body: RequestBody) -> None:
        self._body = body

    def modify_before_transmit(self, context: RequestContext[Any, HTTPRequest]) -> HTTPRequest:
        request: Any = context.transport_request
        request.body = self._body
        return context.transport_request


def _prepare(config: Any, *, identity: AWSCredentialsIdentity, body: RequestBody) -> None:
    """Fit the SDK's configuration for one stream: its credentials, and its own body."""
    config.aws_credentials_identity_resolver = FrozenIdentity(identity)
    config.interceptors = [*config.interceptors, _DirectBody(body)]


@contextlib.contextmanager
def _translated(body: RequestBody | None = None) -> Iterator[None]:
    """Turn whatever the SDK raises into a TransportError: the door to the SDK."""
    try:
        yield
    except TransportError:
        raise
    except Exception as error:
        raise as_transport_error(error, body.status if body else None) from error


def _endpoint_of(config: BedrockConfig) -> URI:
    """Give where the model answers. Raises TransportError if that is no https address."""
    url = config.endpoint_url or f"https://bedrock-runtime.{config.region}.amazonaws.com"
    try:
        parts = urlsplit(url)
        if parts.scheme == "https" and parts.hostname:
            return URI(host=parts.hostname, port=parts.port, path=parts.path or None)
    except (ValueError, SmithyError) as error:
        raise _unusable(url) from error
    raise _unusable(url)


def _unusable(url: str) -> TransportError:
    message = f"{url!r} is no https endpoint; duplex streams need one"
    return TransportError(TransportCode.CONNECT_FAILED, message, retryable=False)
