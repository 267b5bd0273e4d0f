"""Failures to connect, and failures before the request is sent."""

import asyncio
import socket
from pathlib import Path

import pytest
from smithy_aws_core.identity import AWSCredentialsIdentity, AWSIdentityProperties

from tests.sonic.conftest import ConnectTo, StartPeer
from tests.sonic.failures import failure_of
from tests.sonic.peer import Certificates
from tests.sonic.scripts import refusing, silence
from voice.sonic.credentials import CredentialsResolver
from voice.sonic.errors import TransportCode, TransportError
from voice.sonic.transport import BedrockConfig, BedrockTransport

pytestmark = pytest.mark.wire


async def test_closed_port_fails_to_connect(transport_to: ConnectTo) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        failure = await failure_of(transport_to(f"https://localhost:{port}"))
    assert (failure.code, failure.retryable) == (TransportCode.CONNECT_FAILED, True)


async def test_unknown_host_fails_to_connect(transport_to: ConnectTo) -> None:
    failure = await failure_of(transport_to("https://nowhere.invalid", connect_timeout_s=5))
    assert failure.code in {TransportCode.CONNECT_FAILED, TransportCode.CONNECT_TIMEOUT}


async def test_peer_without_handshake_times_out(transport_to: ConnectTo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        failure = await failure_of(transport_to(f"https://localhost:{port}", connect_timeout_s=0.1))
    assert (failure.code, failure.retryable) == (TransportCode.CONNECT_TIMEOUT, True)


async def test_hundred_callers_wait_for_a_dead_service_together(transport_to: ConnectTo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        transport = transport_to(
            f"https://localhost:{mute.getsockname()[1]}", connect_timeout_s=0.5
        )
        async with asyncio.timeout(25):  # one after the other would take twice as long
            results = await asyncio.gather(
                *(transport.open() for _ in range(100)), return_exceptions=True
            )
    codes = [result.code for result in results if isinstance(result, TransportError)]
    assert codes == [TransportCode.CONNECT_TIMEOUT] * 100


async def test_service_without_settings_times_out(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(silence, greets=False)
    failure = await failure_of(transport_to(peer.url, connect_timeout_s=0.2))
    assert failure.code is TransportCode.CONNECT_TIMEOUT


async def test_untrusted_certificate_is_not_retryable(
    peer_with: StartPeer, transport_to: ConnectTo, tmp_path: Path
) -> None:
    peer = await peer_with(silence)
    Certificates().write_ca(str(tmp_path / "other.pem"))
    failure = await failure_of(transport_to(peer.url, ca_file=tmp_path / "other.pem"))
    assert (failure.code, failure.retryable) == (TransportCode.CONNECT_FAILED, False)


async def test_private_certificate_without_its_ca_is_refused(
    peer_with: StartPeer,
    transport_to: ConnectTo,
    ca_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(ca_file))  # is for others, and not looked at
    peer = await peer_with(silence)
    failure = await failure_of(transport_to(peer.url, ca_file=None))
    assert (failure.code, failure.retryable) == (TransportCode.CONNECT_FAILED, False)


async def test_missing_ca_file_is_named(
    peer_with: StartPeer, transport_to: ConnectTo, tmp_path: Path
) -> None:
    peer = await peer_with(silence)
    failure = await failure_of(transport_to(peer.url, ca_file=tmp_path / "missing.pem"))
    assert failure.code is TransportCode.CONNECT_FAILED
    assert "missing.pem" in failure.message


async def test_service_without_http2_fails_to_connect(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(silence, alpn=("http/1.1",), greets=False)
    failure = await failure_of(transport_to(peer.url))
    assert failure.code is TransportCode.CONNECT_FAILED


async def test_plain_http_endpoint_is_not_retryable(transport_to: ConnectTo) -> None:
    failure = await failure_of(transport_to("http://localhost:1"))
    assert (failure.code, failure.retryable) == (TransportCode.CONNECT_FAILED, False)


@pytest.mark.parametrize("url", ["https://", "localhost:8443", "https://local host"])
async def test_invalid_endpoint_fails_at_once(url: str, transport_to: ConnectTo) -> None:
    async with asyncio.timeout(30):  # half of the time to connect
        with pytest.raises(TransportError):
            await transport_to(url).warm()
        await failure_of(transport_to(url))


async def test_hangup_before_settings_fails_to_connect(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(silence, greets=False)
    opening = asyncio.ensure_future(transport_to(peer.url).open())  # noqa: TID251 -- awaited below
    async with asyncio.timeout(60):
        while not peer.connections:  # noqa: ASYNC110 -- lets the loop run
            await asyncio.sleep(0)
        peer.connections[0].abort()
        with pytest.raises(TransportError) as caught:
            await opening
    assert caught.value.code is TransportCode.CONNECT_FAILED


# Before the call.


class NeverThere(CredentialsResolver):
    """Credentials that nobody ever brings."""

    async def get_identity(self, *, properties: AWSIdentityProperties) -> AWSCredentialsIdentity:
        await asyncio.Event().wait()
        raise AssertionError


async def test_slow_credentials_are_retryable(peer_with: StartPeer, ca_file: Path) -> None:
    peer = await peer_with(silence)
    config = BedrockConfig(
        header_timeout_s=60.0,
        region="us-east-1",
        model_id="m",
        endpoint_url=peer.url,
        ca_file=ca_file,
        connect_timeout_s=0.1,
    )
    transport = BedrockTransport(config, NeverThere())
    with pytest.raises(TransportError) as caught:
        await transport.open()
    assert (caught.value.code, caught.value.retryable) == (TransportCode.CREDENTIALS_MISSING, True)


async def test_refused_credentials_are_looked_up_again(peer_with: StartPeer, ca_file: Path) -> None:
    class Counting(CredentialsResolver):
        forgotten = 0

        async def invalidate(self) -> None:
            self.forgotten += 1

    peer = await peer_with(refusing(403, "ExpiredTokenException"))
    config = BedrockConfig(
        region="us-east-1",
        model_id="m",
        header_timeout_s=60.0,
        endpoint_url=peer.url,
        ca_file=ca_file,
    )
    credentials = Counting()
    transport = BedrockTransport(config, credentials)
    assert (await failure_of(transport)).code is TransportCode.ACCESS_DENIED
    assert credentials.forgotten == 1
    await transport.close()


async def test_request_cancelled_while_prepared_opens_no_stream(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(silence)
    transport = transport_to(peer.url, header_timeout_s=0)
    await transport.warm()
    with pytest.raises(TransportError, match="header_timeout"):
        await transport.open()
    before = asyncio.all_tasks()
    async with asyncio.timeout(60):
        while len(asyncio.all_tasks()) > len(before):  # noqa: ASYNC110 -- lets the loop run
            await asyncio.sleep(0)
    assert not peer.streams


async def test_missing_credentials_fail_before_the_request(
    peer_with: StartPeer, ca_file: Path
) -> None:
    class NoCredentials:
        def get_credentials(self) -> None:
            return None

    peer = await peer_with(silence)
    config = BedrockConfig(
        region="us-east-1",
        model_id="m",
        header_timeout_s=60.0,
        endpoint_url=peer.url,
        ca_file=ca_file,
    )
    transport = BedrockTransport(config, CredentialsResolver(NoCredentials))
    for attempt in (transport.open, transport.warm):
        async with asyncio.timeout(60):
            with pytest.raises(TransportError) as caught:
                await attempt()
        assert caught.value.code is TransportCode.CREDENTIALS_MISSING
        assert not caught.value.retryable
    assert not peer.connections
    await transport.close()
