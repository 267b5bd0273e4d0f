"""Fixtures for the transport's tests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
import uvloop
from smithy_aws_core.identity import AWSCredentialsIdentity

from tests.sonic.peer import Certificates, Peer, Script
from voice.sonic.credentials import FrozenIdentity
from voice.sonic.transport import BedrockConfig, BedrockTransport

type LoopFactory = Callable[[], asyncio.AbstractEventLoop]

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, LoopFactory]:
    """Run the tests of streams and connections on uvloop too, as production does."""
    loops: dict[str, LoopFactory] = {"asyncio": asyncio.new_event_loop}
    if item.path.name in {"test_connections.py", "test_stream.py", "test_transport.py"}:
        loops["uvloop"] = uvloop.new_event_loop
    return loops


@pytest.fixture(scope="session")
def certificates() -> Certificates:
    return Certificates()


@pytest.fixture(scope="session")
def ca_file(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    certificates.write_ca(str(path))
    return path


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


class StartPeer(Protocol):
    """Starts a service that plays a script on each stream."""

    async def __call__(self, script: Script, **options: Any) -> Peer: ...


class ConnectTo(Protocol):
    """Makes a transport to a service."""

    def __call__(self, url: str, **options: Any) -> BedrockTransport: ...


@pytest.fixture
def peer_with(stack: AsyncExitStack, certificates: Certificates) -> StartPeer:
    """Start a service that plays the given script on each stream."""

    async def start(script: Script, **options: Any) -> Peer:
        peer = Peer(script, certificates, **options)
        return await stack.enter_async_context(peer)

    return start


@pytest.fixture
def transport_to(stack: AsyncExitStack, ca_file: Path) -> ConnectTo:
    """Make a transport to a service; it is closed at the end of the test, before the service."""

    def make(url: str, **options: Any) -> BedrockTransport:
        config = BedrockConfig(
            **{
                "region": "us-east-1",
                "connect_timeout_s": 60.0,
                "header_timeout_s": 60.0,
                "model_id": "amazon.nova-2-sonic-v1:0",
                "endpoint_url": url,
                "ca_file": ca_file,
                **options,
            }
        )
        identity = AWSCredentialsIdentity(access_key_id="AKIDEXAMPLE", secret_access_key=SECRET)
        transport = BedrockTransport(config, FrozenIdentity(identity))
        stack.push_async_callback(transport.close)
        return transport

    return make
