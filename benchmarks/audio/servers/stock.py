"""The plain build: Channels on Daphne, and the SDK with its own transport on awscrt, as its docs show it.

daphne benchmarks.audio.servers.stock:application   (MODEL_URL, MODEL_CA_FILE in the environment)
"""

import asyncio
import base64
import json
import os
from typing import Any, Self

import django
from aws_sdk_bedrock_runtime.client import (  # type: ignore[import-untyped]  # no stubs
    AsyncBedrockRuntimeClient,
)
from aws_sdk_bedrock_runtime.config import (  # type: ignore[import-untyped]  # no stubs
    AsyncBedrockRuntimeConfig,
)
from aws_sdk_bedrock_runtime.models import (  # type: ignore[import-untyped]  # no stubs
    BidirectionalInputPayloadPart,
    InvokeModelWithBidirectionalStreamInputChunk,
    InvokeModelWithBidirectionalStreamOperationInput,
)
from awscrt.io import ClientTlsContext, TlsContextOptions
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.urls import path
from smithy_aws_core.identity import StaticCredentialsResolver
from smithy_http.aio.crt import AWSCRTHTTPClient, AWSCRTHTTPClientConfig

settings.configure(SECRET_KEY="benchmark", ALLOWED_HOSTS=["*"])  # noqa: S106 -- the simulator's credentials
django.setup()

_NAMES = {"promptName": "p", "contentName": "c"}


class _Transport(AWSCRTHTTPClient):
    """The SDK's own transport, made to trust the benchmark's CA."""

    def __init__(self) -> None:
        super().__init__(client_config=AWSCRTHTTPClientConfig(force_http_2=True))
        options = TlsContextOptions()
        options.override_default_trust_store_from_path(None, os.environ["MODEL_CA_FILE"])
        self._tls_ctx = ClientTlsContext(options)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


async def _new_client() -> Any:
    config = await AsyncBedrockRuntimeConfig.resolve(
        endpoint_uri=os.environ["MODEL_URL"],
        region="us-east-1",
        transport=_Transport(),
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",  # noqa: S106 -- the simulator's credentials
        aws_credentials_identity_resolver=StaticCredentialsResolver(),
    )
    return AsyncBedrockRuntimeClient(config=config)


class VoiceConsumer(AsyncWebsocketConsumer):
    """One call."""

    _client: Any = None

    async def connect(self) -> None:
        """Open a stream, start the session and accept."""
        if VoiceConsumer._client is None:
            VoiceConsumer._client = await _new_client()
        self._stream = await VoiceConsumer._client.invoke_model_with_bidirectional_stream(
            InvokeModelWithBidirectionalStreamOperationInput(model_id="amazon.nova-2-sonic-v1:0")
        )
        await self._send_event("sessionStart", {"inferenceConfiguration": {"maxTokens": 1024}})
        await self._send_event("promptStart", {"promptName": "p"})
        await self._send_event("contentStart", {**_NAMES, "type": "AUDIO", "interactive": True})
        self._reader = asyncio.create_task(self._read_events())
        await self.accept()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Send audio to the model."""
        if bytes_data:
            content = base64.b64encode(bytes_data).decode()
            await self._send_event("audioInput", {**_NAMES, "content": content})

    async def disconnect(self, code: int) -> None:
        """End the stream."""
        self._reader.cancel()
        await self._stream.input_stream.close()

    async def _send_event(self, name: str, body: dict[str, Any]) -> None:
        payload = json.dumps({"event": {name: body}}).encode()
        part = BidirectionalInputPayloadPart(bytes_=payload)
        await self._stream.input_stream.send(
            InvokeModelWithBidirectionalStreamInputChunk(value=part)
        )

    async def _read_events(self) -> None:
        _, output = await self._stream.await_output()
        while (chunk := await output.receive()) is not None:
            event = json.loads(chunk.value.bytes_)["event"]
            if "audioOutput" in event:
                await self.send(bytes_data=base64.b64decode(event["audioOutput"]["content"]))


application = ProtocolTypeRouter(
    {"websocket": URLRouter([path("ws", VoiceConsumer.as_asgi())])}  # type: ignore[arg-type, list-item]  # Channels' stubs are narrower
)
