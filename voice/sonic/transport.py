"""Streams to Nova Sonic through the AWS SDK.

This is the only module that imports the Bedrock SDK. The SDK configures, signs the request, and
serialises, signs and parses every event but audio; bytes go through our own HTTP/2 client
(`voice.sonic.http2`, ADR 0003), and audio bypasses the SDK (`voice.sonic.channel`).

The SDK waits for ever where it should fail. Three rules prevent that:

1. Credentials are found *before* the SDK is called; without them its call never returns.
2. Everything that it awaits always answers: connecting and the head of the response have time limits
   in `voice.sonic.http2`, reading and writing never wait (`voice.sonic.sdk_bodies`).
3. Its `await_output` must not be cancelled, so it runs in one short task per stream, which the
   channel owns and awaits, and which is over when the response has begun.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aws_sdk_bedrock_runtime.client import (  # type: ignore[import-untyped]  # has no py.typed
    AsyncBedrockRuntimeClient,
)
from aws_sdk_bedrock_runtime.config import (  # type: ignore[import-untyped]  # no stubs
    AsyncBedrockRuntimeConfig,
)
from aws_sdk_bedrock_runtime.models import (  # type: ignore[import-untyped]  # no stubs
    BidirectionalInputPayloadPart,
    InvokeModelWithBidirectionalStreamInputChunk,
    InvokeModelWithBidirectionalStreamOperationInput,
    InvokeModelWithBidirectionalStreamOutputChunk,
)
from smithy_aws_core.auth.sigv4 import SigV4AuthScheme
from smithy_aws_core.identity import AWSCredentialsIdentity
from smithy_core import URI
from smithy_core.exceptions import SmithyError
from smithy_core.interceptors import Interceptor, RequestContext
from smithy_http.aio.interfaces import HTTPRequest

from voice.sonic.channel import Channel, SdkStream, run_at_once
from voice.sonic.credentials import AwsIdentityResolver, CredentialsResolver, FrozenIdentity
from voice.sonic.errors import TransportCode, TransportError
from voice.sonic.failures import as_transport_error
from voice.sonic.http2 import Http2Client
from voice.sonic.interfaces import PayloadStream, SonicStream, SonicTransport
from voice.sonic.payload_stream import ChannelPayloadStream
from voice.sonic.sdk_bodies import RequestBody
from voice.sonic.session_stream import SessionStream
from voice.sonic.signing import SignatureChain

__all__ = ["BedrockConfig", "BedrockTransport", "PayloadStream", "SonicStream", "SonicTransport"]

_SERVICE = "bedrock"


@dataclass(frozen=True, slots=True, kw_only=True)
class BedrockConfig:
    """Which model, where, and the time limits.

    `idle_timeout_s` is long because the service sends nothing while the customer is silent; a stream
    lives for at most 480 s anyway.
    """

    region: str
    model_id: str
    header_timeout_s: float
    """How long the service may take to accept a stream."""
    endpoint_url: str | None = None
    ca_file: Path | str | None = None
    connect_timeout_s: float = 5.0
    idle_timeout_s: float = 300.0
    close_timeout_s: float = 3.0
    max_streams_per_connection: int = 50


class BedrockTransport:
    """Opens streams to Nova Sonic on Amazon Bedrock, or at `endpoint_url`."""

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
        # The SDK's client; creating it is asynchronous.
        self._client: Any = None
        self._channels: set[Channel] = set()

    async def open_stream(
        self,
        *,
        on_lost: Callable[[TransportError], None] | None = None,
        on_close: Callable[[], None] | None = None,
    ) -> SonicStream:
        """Open a stream; events may be sent at once.

        Args:
            on_lost: Called if the stream fails, before its receiver learns it.
            on_close: Called once, when an opened stream is closed.

        Raises:
            TransportError: It cannot be opened.

        """
        channel, credentials_until = await self._open_channel(on_lost, on_close)
        return SessionStream(channel, credentials_until=credentials_until)

    async def open(self) -> PayloadStream:
        """Open a stream of payloads; it may be written to at once. Raises TransportError."""
        channel, credentials_until = await self._open_channel()
        return ChannelPayloadStream(channel, credentials_until=credentials_until)

    async def warm(self) -> None:
        """Prepare the SDK, credentials and a connection. Raises TransportError."""
        await self._prepared_client()
        await self._identity()
        await self._http.warm(_endpoint_of(self._config))

    async def close(self) -> None:
        """Close every stream and connection. Idempotent, bounded in time, never raises."""
        await asyncio.gather(*(channel.close() for channel in tuple(self._channels)))
        await self._http.close()

    async def _open_channel(
        self,
        on_lost: Callable[[TransportError], None] | None = None,
        on_close: Callable[[], None] | None = None,
    ) -> tuple[Channel, float | None]:
        client = await self._prepared_client()
        identity = await self._identity()
        body, auth = RequestBody(), _ChainedAuth(identity)
        is_open = False

        def lost(error: TransportError) -> None:
            if error.code is TransportCode.ACCESS_DENIED:
                run_at_once(self._credentials.invalidate())
            if on_lost is not None:
                on_lost(error)

        def closed(channel: Channel) -> None:
            self._channels.discard(channel)
            if is_open and on_close is not None:
                on_close()

        channel = Channel(
            SdkStream(
                stream=await self._invoke(client, identity, body, auth),
                body=body,
                chain=auth.require_chain(),
                wrap=_wrap,
                unwrap=_unwrap,
            ),
            close_timeout_s=self._config.close_timeout_s,
            on_lost=lost,
            on_close=closed,
        )
        self._channels.add(channel)
        try:
            await body.opened()
        except BaseException:
            await channel.close()
            raise
        is_open = True
        return channel, _expiry_of(identity)

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
        self,
        client: Any,
        identity: AWSCredentialsIdentity,
        body: RequestBody,
        auth: "_ChainedAuth",
    ) -> Any:
        """Begin the request. The SDK never returns if anything fails before it is sent."""
        model = InvokeModelWithBidirectionalStreamOperationInput(model_id=self._config.model_id)
        prepare = partial(_prepare, identity=identity, body=body, auth=auth)
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
            body.abandon()  # the SDK's tasks continue, and must not open a stream
            raise


def _expiry_of(identity: AWSCredentialsIdentity) -> float | None:
    """Return when credentials expire, on the loop's clock."""
    if identity.expiration is None:
        return None
    left_s = identity.expiration.timestamp() - time.time()
    return asyncio.get_running_loop().time() + left_s


class _DirectBody(Interceptor[Any, Any, HTTPRequest, Any]):
    """Lets the SDK write to the stream itself, and not to a buffer before it."""

    def __init__(self, body: RequestBody) -> None:
        self._body = body

    def modify_before_transmit(self, context: RequestContext[Any, HTTPRequest]) -> HTTPRequest:
        request: Any = context.transport_request
        request.body = self._body
        return context.transport_request


class _ChainedAuth(SigV4AuthScheme):
    """SigV4 whose chain of signatures audio shares with the SDK's own events."""

    def __init__(self, identity: AWSCredentialsIdentity) -> None:
        super().__init__(service=_SERVICE)
        self._identity = identity
        self._chain: SignatureChain | None = None

    def event_signer(self, *, request: HTTPRequest) -> Any:
        """Return the signer of the request's events: the chain begins with its signature."""
        authorization = request.fields["Authorization"].as_string()
        scope = authorization.partition("Credential=")[2].partition(",")[0].split("/")
        self._chain = SignatureChain(
            secret_key=self._identity.secret_access_key,
            region=scope[2],
            service=scope[3],
            seed=authorization.rpartition("Signature=")[2],
        )
        return _ChainSigner(self._chain)

    def require_chain(self) -> SignatureChain:
        """Return the chain of the request that was signed."""
        if self._chain is None:
            raise TransportError(TransportCode.INTERNAL, "the SDK signs no events")
        return self._chain


class _ChainSigner:
    """The SDK's interface to a chain of signatures."""

    def __init__(self, chain: SignatureChain) -> None:
        self._chain = chain

    async def sign(self, *, event: Any, **_: Any) -> Any:
        """Put `event` into a signed event."""
        return self._signed(event, event.encode())

    async def sign_empty(self, *, event: Any, **_: Any) -> Any:
        """Sign the event that ends the stream."""
        return self._signed(event, b"")

    def _signed(self, event: Any, payload: bytes) -> Any:
        date_ms = int(time.time() * 1000)
        signature = self._chain.sign(payload, date_ms=date_ms)
        date = datetime.fromtimestamp(date_ms // 1000, UTC).replace(
            microsecond=date_ms % 1000 * 1000
        )
        event.headers = {":date": date, ":chunk-signature": signature}
        event.payload = payload
        return event


def _prepare(
    config: Any, *, identity: AWSCredentialsIdentity, body: RequestBody, auth: _ChainedAuth
) -> None:
    """Adapt the SDK's configuration to one stream: its credentials, body and signatures."""
    config.aws_credentials_identity_resolver = FrozenIdentity(identity)
    config.interceptors = [*config.interceptors, _DirectBody(body)]
    config.set_auth_scheme(auth)


def _wrap(payload: bytes) -> Any:
    part = BidirectionalInputPayloadPart(bytes_=payload)
    return InvokeModelWithBidirectionalStreamInputChunk(value=part)


def _unwrap(event: Any) -> bytes | None:
    if not isinstance(event, InvokeModelWithBidirectionalStreamOutputChunk):
        return None
    if event.value.bytes_ is None:
        raise TransportError(TransportCode.BAD_FRAME, "a chunk without bytes")
    return bytes(event.value.bytes_)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn whatever the SDK raises into a TransportError."""
    try:
        yield
    except TransportError:
        raise
    except Exception as error:
        raise as_transport_error(error, None) from error


def _endpoint_of(config: BedrockConfig) -> URI:
    """Return the model's endpoint. Raises TransportError if it is no https URL."""
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
