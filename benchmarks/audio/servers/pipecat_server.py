"""Pipecat's Nova Sonic service behind its FastAPI WebSocket transport, as its examples show it.

    python -m benchmarks.audio.servers.pipecat_server PORT URL CA_FILE

Two things differ from the examples: the endpoint and its CA, which Pipecat has no setting for.
"""

import sys
from typing import Any, Self

import uvicorn
from aws_sdk_bedrock_runtime.client import BedrockRuntimeClient  # type: ignore[import-untyped]  # no stubs
from aws_sdk_bedrock_runtime.config import Config  # type: ignore[import-untyped]  # no stubs
from awscrt.io import ClientTlsContext, TlsContextOptions
from fastapi import FastAPI, WebSocket
from loguru import logger
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineParams, PipelineTask
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
)
from pipecat.serializers.protobuf import (
    ProtobufFrameSerializer,
)
from pipecat.services.aws.nova_sonic.llm import (
    AWSNovaSonicLLMService,
)
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketParams,
    FastAPIWebsocketTransport,
)
from smithy_aws_core.auth.sigv4 import SigV4AuthScheme
from smithy_aws_core.identity import StaticCredentialsResolver
from smithy_core.shapes import ShapeID
from smithy_http.aio.crt import AWSCRTHTTPClient, AWSCRTHTTPClientConfig

PORT, URL, CA_FILE = sys.argv[1:4]
app = FastAPI()


class _Transport(AWSCRTHTTPClient):
    def __init__(self) -> None:
        super().__init__(client_config=AWSCRTHTTPClientConfig(force_http_2=True))
        options = TlsContextOptions()
        options.override_default_trust_store_from_path(None, CA_FILE)
        self._tls_ctx = ClientTlsContext(options)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class _Service(AWSNovaSonicLLMService):  # type: ignore[misc]  # no stubs
    def create_client(self) -> Any:
        return BedrockRuntimeClient(
            config=Config(
                endpoint_uri=URL,
                region="us-east-1",
                aws_access_key_id="AKIDEXAMPLE",
                aws_secret_access_key="secret",  # noqa: S106 -- the simulator's credentials
                aws_credentials_identity_resolver=StaticCredentialsResolver(),
                auth_schemes={ShapeID("aws.auth#sigv4"): SigV4AuthScheme(service="bedrock")},
                transport=_Transport(),
            )
        )


@app.websocket("/ws")  # type: ignore[untyped-decorator]  # no stubs
async def voice(websocket: WebSocket) -> None:
    """Serve one call."""
    await websocket.accept()
    transport = FastAPIWebsocketTransport(
        websocket=websocket,
        params=FastAPIWebsocketParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            add_wav_header=False,
            serializer=ProtobufFrameSerializer(),
        ),
    )
    model = _Service(
        access_key_id="AKIDEXAMPLE",
        secret_access_key="secret",  # noqa: S106 -- the simulator's credentials
        region="us-east-1",
        settings=AWSNovaSonicLLMService.Settings(
            model="amazon.nova-2-sonic-v1:0", system_instruction="Sé breve.", voice="lupe"
        ),
    )
    context = LLMContext([{"role": "user", "content": "Hola."}])
    aggregators = LLMContextAggregatorPair(context)
    task = PipelineTask(
        Pipeline(
            [
                transport.input(),
                aggregators.user(),
                model,
                transport.output(),
                aggregators.assistant(),
            ]
        ),
        params=PipelineParams(audio_in_sample_rate=16_000, audio_out_sample_rate=24_000),
        enable_rtvi=False,
        idle_timeout_secs=None,
    )

    @transport.event_handler("on_client_connected")  # type: ignore[untyped-decorator]  # no stubs
    async def _connected(_transport: Any, _client: Any) -> None:
        from pipecat.frames.frames import LLMRunFrame  # noqa: PLC0415 -- needed only with a client

        await task.queue_frames([LLMRunFrame()])

    @transport.event_handler("on_client_disconnected")  # type: ignore[untyped-decorator]  # no stubs
    async def _disconnected(_transport: Any, _client: Any) -> None:
        await task.cancel()

    await PipelineRunner(handle_sigint=False).run(task)


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    uvicorn.run(app, host="127.0.0.1", port=int(PORT), loop="uvloop", log_level="warning")
