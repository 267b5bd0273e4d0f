"""The server is killed or drained during a call; another server restores the call."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from nova_sonic_simulator.testing.coded_audio import encode_numbers, silence
from tests.faults.rows import Row
from tests.fixtures.dynamodb_proxy import DynamoDBProxy, ProxyState
from tests.fixtures.ports import free_port
from tests.fixtures.site import Site, running_site
from tests.fixtures.voice_clients import VoiceClient, open_client, open_socket
from voice.wire.binary import HEADER, FrameType

pytestmark = [pytest.mark.wire]

LOOK_UP = "Consulta el pedido número 1 con DNI 12345678"


@pytest.fixture
def restartable(tmp_path: Path, faulty_environ: dict[str, str], demo_data: object) -> "Restartable":
    return Restartable(tmp_path, {**faulty_environ, "WS_PORT": str(free_port())})


class Restartable:
    """A server that can be restarted at its address."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.folder = folder
        self.environ = environ

    @contextmanager
    def running(self) -> Iterator[Site]:
        with running_site(self.folder, self.environ, port=int(self.environ["WS_PORT"])) as site:
            yield site


async def test_call_killed_during_a_reply_gets_it_again(restartable: Restartable, row: Row) -> None:
    row(
        "server killed (-9) mid-call",
        "hears the answer once the server is back",
        kept="all that was said",
        within_s=20,
    )
    with restartable.running() as site, ExitStack() as later:
        async with open_client(site.ws_url) as client:
            await client.converse("Hola")
            await client.send(type="text", text=LOOK_UP)
            await client.until_audio()
            with row.measured():
                site.process.send_signal(signal.SIGKILL)
                site.process.wait()
                again = later.enter_context(restartable.running())
                resumed = await client.reconnect(again.ws_url)
                assert resumed.event["restored"] is True
                await client.until("turn")
            assert client.texts_of("user") == ["Hola", LOOK_UP]
            assert "pendiente" in " ".join(client.texts_of("assistant"))


async def test_call_killed_during_the_greeting_gets_it_again(
    restartable: Restartable, row: Row
) -> None:
    row(
        "server killed while it greets",
        "is greeted once the server is back",
        kept="the call, which waits for no answer then",
        within_s=20,
    )
    with restartable.running() as site, ExitStack() as later:
        async with open_client(site.ws_url, start=False) as client:
            await client.start(greet=True)
            await client.until_audio()
            with row.measured():
                site.process.send_signal(signal.SIGKILL)
                site.process.wait()
                again = later.enter_context(restartable.running())
                resumed = await client.reconnect(again.ws_url)
                assert resumed.event["restored"] is True
                await client.until("turn")
            assert "¿En qué te puedo ayudar?" in client.texts_of("assistant")[-1]
            await client.converse("Hola")
            assert client.texts_of("user") == ["Hola"]


async def test_text_typed_during_a_kill_is_answered(restartable: Restartable, row: Row) -> None:
    row(
        "server killed as words arrive",
        "is answered once the server is back",
        kept="the words, once",
        within_s=20,
    )
    with restartable.running() as site, ExitStack() as later:
        async with open_client(site.ws_url) as client:
            await client.converse("Hola")
            frame = client.frames.event(type="text", text=LOOK_UP)
            with row.measured():
                site.process.send_signal(signal.SIGKILL)
                site.process.wait()
                again = later.enter_context(restartable.running())
                resumed = await client.reconnect(again.ws_url)
                await client.resend([frame], next_sequence=resumed.sequence)
                await client.until("turn")
            assert client.texts_of("user") == ["Hola", LOOK_UP]


async def test_call_killed_during_speech_loses_no_number(
    restartable: Restartable, row: Row
) -> None:
    row(
        "server killed while the customer speaks",
        "is understood once the server is back",
        kept="each word, spoken or typed, once",
        within_s=20,
    )
    with restartable.running() as site, ExitStack() as later:
        async with open_client(site.ws_url) as client:
            await client.converse("Hola")
            client.acknowledges = False  # so there is something to interrupt
            await client.send(type="text", text=LOOK_UP)
            await client.until_audio()
            frames = [client.frames.audio(encode_numbers(said)) for said in ([1, 2, 3], [4, 5, 6])]
            await client.socket.send(frames[0])
            await client.until("interrupted")
            client.acknowledges = True
            await client.audio_within(0.4)  # which the store learns meanwhile
            await client.socket.send(frames[1])
            with row.measured():
                site.process.send_signal(signal.SIGKILL)
                site.process.wait()
                again = later.enter_context(restartable.running())
                resumed = await client.reconnect(again.ws_url)
                await client.resend(frames, next_sequence=resumed.sequence)
                for _ in range(5):
                    await client.socket.send(client.frames.audio(silence(500)))
                await client.until_caption("1 2 3 4 5 6")
            await client.send(type="end")
            assert client.texts_of("user") == ["Hola", LOOK_UP, "1 2 3 4 5 6"]


async def test_speech_not_stored_before_a_kill_is_sent_again(
    restartable: Restartable, proxy: DynamoDBProxy, row: Row
) -> None:
    row(
        "server killed while DynamoDB is away",
        "is understood once the server is back",
        kept="what was spoken, though nobody stored it",
        within_s=20,
    )
    with restartable.running() as site, ExitStack() as later:
        async with open_client(site.ws_url) as client:
            await client.converse("Hola")
            proxy.state = ProxyState.DISCONNECT
            frames = [client.frames.audio(encode_numbers([1, 2, 3]))]
            frames += [client.frames.audio(silence(500)) for _ in range(5)]
            for frame in frames:
                await client.socket.send(frame)
            await client.until_caption("1 2 3")
            await client.until("turn")
            acknowledged = [f.sequence for f in client.received if f.kind is FrameType.ACK]
            assert max(acknowledged, default=0) < HEADER.unpack_from(frames[0])[3]
            with row.measured():
                site.process.send_signal(signal.SIGKILL)
                site.process.wait()
                proxy.reset()
                again = later.enter_context(restartable.running())
                await resume_and_disconnect(client, again, proxy)
                resumed = await client.reconnect(again.ws_url)
                assert resumed.sequence <= HEADER.unpack_from(frames[0])[3]
                await client.resend(frames, next_sequence=resumed.sequence)
                await client.until("turn")
            await client.send(type="end")
    assert client.captions.count("1 2 3") == 2  # by the server that died, and by the one after it


async def resume_and_disconnect(client: VoiceClient, site: Site, proxy: DynamoDBProxy) -> None:
    """Resume on a connection that is lost before the call is restored from a slow store."""
    proxy.state, proxy.delay_s = ProxyState.DELAY, 0.3
    async with open_socket(site.ws_url) as socket:
        await socket.send(
            client.frames.resume(client.token, next_sequence=0, generation=0, position=0)
        )
        await site.until_logged("connection open")
        socket.transport.abort()
    await site.until_logged("awaiting resume")
    proxy.reset()


async def test_drained_server_transfers_its_call(
    restartable: Restartable, tmp_path: Path, faulty_environ: dict[str, str], row: Row
) -> None:
    row(
        "server drained mid-call",
        "hears the answer to its end, then goes on elsewhere",
        kept="all that was said",
        within_s=15,
    )
    with restartable.running() as site, running_site(tmp_path, faulty_environ) as other:
        async with open_client(site.ws_url) as client:
            await client.send(type="text", text=LOOK_UP)
            await client.until_audio()
            with row.measured():
                site.process.terminate()
                await client.until("turn")
                await client.until("moving")
                assert await client.until_closed() == 1012
                resumed = await client.reconnect(other.ws_url)
            assert resumed.event["restored"] is True
            await client.converse("Hola")
