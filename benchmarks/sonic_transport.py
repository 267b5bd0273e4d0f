"""What a frame costs in our transport, beside the SDK's own one on awscrt.

    python -m benchmarks.sonic_transport

The stock row needs awscrt, which the project does not install. Give it a place of its own:

    pip install --target var/awscrt "awscrt~=0.32.0"
    PYTHONPATH=var/awscrt python -m benchmarks.sonic_transport

Both go through the same SDK to the same service, a process of its own over TLS on loopback, in
turns and in the same run. *send* and *receive*: processor time of this process per frame (the
SDK's signing and parsing included), the median of the rounds. *echo*: how long 32 ms of audio
take there and back while four calls share a connection, 31 times a second each. Trust the ratios.
"""

import asyncio
import importlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from aws_sdk_bedrock_runtime import client as sdk_client  # type: ignore[import-untyped]  # no stubs
from aws_sdk_bedrock_runtime import config as sdk_config
from aws_sdk_bedrock_runtime import models
from smithy_aws_core.identity import AWSCredentialsIdentity

from tests.sonic import service
from tests.sonic.peer import Certificates, Peer, PeerStream
from voice.sonic.codec import encode
from voice.sonic.credentials import FrozenIdentity
from voice.sonic.events import AudioInput
from voice.sonic.transport import BedrockConfig, BedrockTransport

FRAMES, ROUNDS = 1_500, 5
CALLS, ECHOES, PERIOD_S = 4, 100, 0.032
IDENTITY = AWSCredentialsIdentity(access_key_id="AKIDEXAMPLE", secret_access_key="none")  # noqa: S106 -- the simulator's credentials
SPOKEN = encode(AudioInput(prompt_name="p" * 36, content_name="c" * 36, pcm=os.urandom(1_024)))
RECEIVED = service.audio("c" * 36, os.urandom(1_920))


class Stream(Protocol):
    """What is measured."""

    async def send(self, payload: bytes) -> None:
        """Send one payload."""

    async def receive(self) -> bytes | None:
        """Receive one payload."""

    async def end_input(self) -> None:
        """End the input."""

    async def close(self) -> None:
        """Close the stream."""


type Opener = Callable[[], Any]


# The service, in a process of its own.


async def play(stream: PeerStream) -> None:
    """Do what the first payload says: swallow, flood or echo."""
    stream.head()
    order = json.loads(await stream.payload() or b"{}")
    for _ in range(order.get("flood", 0)):
        await stream.send_event_frame(RECEIVED)
    while (payload := await stream.payload()) is not None:
        if order.get("echo"):
            await stream.send_event_frame(payload)
    stream.end()


async def serve(ca_file: str) -> None:
    """Run the service until standard input closes."""
    certificates = Certificates()
    certificates.write_ca(ca_file)
    async with Peer(play, certificates) as peer:
        print(peer.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


# The two clients.


@asynccontextmanager
async def ours(url: str, ca_file: str) -> AsyncIterator[Opener]:
    """Open streams through our transport."""
    config = BedrockConfig(
        region="us-east-1", model_id="m", header_timeout_s=15.0, endpoint_url=url, ca_file=ca_file
    )
    transport = BedrockTransport(config, FrozenIdentity(IDENTITY))
    yield transport.open
    await transport.close()


class StockStream:
    """The SDK's stream as it is."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._receiver: Any = None

    async def send(self, payload: bytes) -> None:
        """Send one payload."""
        part = models.BidirectionalInputPayloadPart(bytes_=payload)
        await self._stream.input_stream.send(
            models.InvokeModelWithBidirectionalStreamInputChunk(value=part)
        )

    async def receive(self) -> bytes | None:
        """Receive one payload."""
        if self._receiver is None:
            _, self._receiver = await self._stream.await_output()
        event = await self._receiver.receive()
        return None if event is None else bytes(event.value.bytes_)

    async def end_input(self) -> None:
        """End the input."""
        await self._stream.input_stream.close()

    async def close(self) -> None:
        """Close the stream."""
        await self._stream.close()


@asynccontextmanager
async def stock(url: str, ca_file: str) -> AsyncIterator[Opener]:
    """Open streams through the SDK's transport on awscrt."""
    io = importlib.import_module("awscrt.io")
    transport = importlib.import_module("smithy_http.aio.crt").AWSCRTHTTPClient()
    transport.__deepcopy__ = lambda _memo: transport  # its own forgets the CA
    options = io.TlsContextOptions()
    options.override_default_trust_store_from_path(None, ca_file)
    transport._tls_ctx = io.ClientTlsContext(options)
    settings = await sdk_config.AsyncBedrockRuntimeConfig.resolve(
        region="us-east-1",
        endpoint_uri=url,
        transport=transport,
        aws_credentials_identity_resolver=FrozenIdentity(IDENTITY),
    )
    sdk = sdk_client.AsyncBedrockRuntimeClient(settings)
    request = models.InvokeModelWithBidirectionalStreamOperationInput(model_id="m")

    async def open_stream() -> StockStream:
        return StockStream(await sdk.invoke_model_with_bidirectional_stream(request))

    yield open_stream
    await sdk.close()


# The measurements.


async def send_us(open_stream: Opener) -> float:
    """Give the processor time of one frame sent."""
    stream = await stream_started(open_stream, {})
    started = time.process_time()
    for _ in range(FRAMES):
        await stream.send(SPOKEN)
    await stream.end_input()
    assert await stream.receive() is None
    spent = time.process_time() - started
    await stream.close()
    return spent / FRAMES * 1e6


async def receive_us(open_stream: Opener) -> float:
    """Give the processor time of one frame received."""
    stream = await stream_started(open_stream, {"flood": FRAMES})
    started = time.process_time()
    for _ in range(FRAMES):
        assert await stream.receive() is not None
    spent = time.process_time() - started
    await stream.end_input()
    assert await stream.receive() is None
    await stream.close()
    return spent / FRAMES * 1e6


async def echo_ms(open_stream: Opener) -> list[float]:
    """Give the times of frames there and back, while several calls share a connection."""
    calls = (call(open_stream, number * PERIOD_S / CALLS) for number in range(CALLS))
    return [each for times in await asyncio.gather(*calls) for each in times]


async def call(open_stream: Opener, offset_s: float) -> list[float]:
    """Speak for a while at the pace of speech; give the times there and back."""
    stream = await stream_started(open_stream, {"echo": True})
    times: list[float] = []
    sent: list[float] = []

    async def listen() -> None:
        while await stream.receive() is not None:
            times.append((time.perf_counter() - sent[len(times)]) * 1e3)

    await asyncio.sleep(offset_s)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(listen())
        for _ in range(ECHOES):
            sent.append(time.perf_counter())
            await stream.send(SPOKEN)
            await asyncio.sleep(PERIOD_S)
        await stream.end_input()
    await stream.close()
    return times


async def stream_started(open_stream: Opener, order: dict[str, Any]) -> Stream:
    """Open a stream and say what the service is to do on it."""
    stream: Stream = await open_stream()
    await stream.send(json.dumps(order).encode())
    return stream


async def measure(url: str, ca_file: str) -> None:
    """Measure all there is, in turns, and print it."""
    clients = {"ours": ours}
    if importlib.util.find_spec("awscrt"):
        clients["stock"] = stock
    else:
        print("stock row skipped: no awscrt; the top of this file says how to have it")
    frames: dict[str, list[tuple[float, float]]] = {name: [] for name in clients}
    for _ in range(ROUNDS):
        for name, client in clients.items():
            async with client(url, ca_file) as open_stream:
                frames[name].append((await send_us(open_stream), await receive_us(open_stream)))
    for name, client in clients.items():
        async with client(url, ca_file) as open_stream:
            echoes = await echo_ms(open_stream)
        report(name, frames[name], echoes)
    if len(frames) == 2:
        compare(frames["stock"], frames["ours"])


def medians(frames: list[tuple[float, float]]) -> list[float]:
    """Give the median of each column."""
    return [statistics.median(column) for column in zip(*frames, strict=True)]


def report(name: str, frames: list[tuple[float, float]], echoes: list[float]) -> None:
    """Print one client's row."""
    send, receive = medians(frames)
    tenths = statistics.quantiles(echoes, n=10)
    print(
        f"{name:<6} send {send:5.0f} us   receive {receive:5.0f} us   "
        f"echo p50 {tenths[4]:5.1f} ms  p90 {tenths[8]:5.1f} ms"
    )


def compare(theirs: list[tuple[float, float]], ours: list[tuple[float, float]]) -> None:
    """Print how many times less we cost."""
    send, receive = (a / b for a, b in zip(medians(theirs), medians(ours), strict=True))
    print(f"stock / ours: send {send:.1f} times, receive {receive:.1f} times")


def main() -> None:
    """Start the service, measure, and let it end."""
    with tempfile.TemporaryDirectory() as folder:
        ca_file = str(Path(folder) / "ca.pem")
        with subprocess.Popen(
            [sys.executable, "-m", "benchmarks.sonic_transport", "--serve", ca_file],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as peer:
            assert peer.stdout is not None
            asyncio.run(measure(peer.stdout.readline().strip(), ca_file))
            peer.communicate()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[2])) if "--serve" in sys.argv else main()
