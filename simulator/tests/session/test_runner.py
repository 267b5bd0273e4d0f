"""The server in the test's own process, with recognizer, dialogue and voice that fail or dawdle."""

import asyncio
import datetime as dt
import socket
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from nova_sonic_simulator.clock import Clock, SystemClock
from nova_sonic_simulator.dialogue import Reply
from nova_sonic_simulator.faults.model import End, Fault, InjectionPoint, Send
from nova_sonic_simulator.http2.certificates import Certificates, open_certificates
from nova_sonic_simulator.protocol.signatures import Credentials
from nova_sonic_simulator.service import Service, ServicePolicy, listen
from nova_sonic_simulator.session.executor import JobExecutor
from nova_sonic_simulator.session.session import SessionDependencies
from nova_sonic_simulator.speech.endpointing import Endpointer
from nova_sonic_simulator.speech.resampling import open_resampler
from support.events import (
    audio_input,
    closing,
    content_end,
    opening,
    session_end,
    session_start,
    typed,
)
from support.harness import LOUD, NOW, ScriptedMind, loudness
from support.raw_client import GoneError, RawClient

pytestmark = pytest.mark.wire

BROKEN = (
    "internalServerException",
    "The system encountered an unexpected error during processing. Try your request again.",
)


class Parts:
    """SpeechRecognizer, dialogue, voice and endpointing in one; a test replaces what it wants to fail."""

    def __init__(self) -> None:
        self.dialogue = ScriptedMind({})
        self.transcribe: Callable[[bytes], str] = lambda pcm: "hola"
        self.synthesize: Callable[[str, int], bytes] = lambda text, rate_hz: bytes(
            2 * rate_hz // 10
        )
        self.probability: Callable[[bytes], float] = loudness

    def dependencies(self) -> SessionDependencies:
        ids = iter(range(1, 10**6))
        return SessionDependencies(
            open_dialogue=lambda tools: self.dialogue,
            open_endpointing=lambda silence_ms: Endpointer(
                silence_ms=silence_ms, speech_probability=self.probability
            ),
            open_resampler=open_resampler,
            new_id=lambda: f"id-{next(ids)}",
        )


class HandClock(SystemClock):
    """A clock that is moved by hand, but for speech, which would otherwise never be heard."""

    def __init__(self) -> None:
        super().__init__()
        self.moment_s = 0.0
        self._started_s = super().elapsed_s()

    def elapsed_s(self) -> float:
        return self.moment_s + super().elapsed_s() - self._started_s

    def wait_s(self, until_s: float) -> float:
        return 0.01


type Serve = Callable[..., AbstractAsyncContextManager[RawClient]]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return open_certificates(tmp_path_factory.mktemp("certificates"), now=NOW)


@pytest.fixture
def parts() -> Parts:
    return Parts()


@pytest.fixture
def served(certificates: Certificates, parts: Parts) -> Serve:
    """Serve the parts, and connect a client to them."""

    @asynccontextmanager
    async def serve(
        *,
        clock: Clock | None = None,
        send_s: float = 30,
        max_streams: int = 10,
        faults: Sequence[Fault] = (),
        **options: Any,
    ) -> AsyncIterator[RawClient]:
        clock = clock or SystemClock(5)
        zone = ZoneInfo("America/Argentina/Buenos_Aires")
        executor = JobExecutor(recognizer=parts, voice=parts, clock=clock, zone=zone)
        keys = Credentials(access_key="local", secret_key="local")
        policy = ServicePolicy(credentials=keys, max_streams=max_streams, send_s=send_s)
        service = Service(policy, parts.dependencies(), executor=executor, clock=clock)
        for fault in faults:
            service.faults.arm(fault, now_s=clock.elapsed_s())
        bound = socket.create_server(("127.0.0.1", 0))
        ready, stop = asyncio.Event(), asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tls = certificates.server_context()
            tasks.create_task(listen(service, bound, tls, ready=ready.set, stop=stop))
            await ready.wait()
            url = f"https://127.0.0.1:{bound.getsockname()[1]}"
            async with RawClient(url, certificates.ca_file, **options) as client:
                yield client
            stop.set()
        executor.close()

    return serve


def fail(*arguments: object, **named: object) -> Any:
    raise RuntimeError("planted")


async def speak(client: RawClient) -> Any:
    """Open a stream and say something on it."""
    stream = client.open()
    await stream.send(*opening(), *[audio_input(LOUD * 512)] * 20, content_end())
    return stream


async def test_speech_is_recognized_understood_and_answered(served: Serve, parts: Parts) -> None:
    async with served() as client:
        stream = await speak(client)
        assert (await stream.until("textOutput", role="USER"))["content"] == "hola"
        assert (await stream.until("textOutput", role="ASSISTANT"))["content"] == "Dijiste hola."
        await stream.until("audioOutput")


@pytest.mark.parametrize("part", ["transcribe", "synthesize", "probability", "dialogue"])
async def test_a_part_that_fails_ends_its_own_stream_with_an_exception(
    served: Serve, parts: Parts, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with served() as client:
        spared = client.open()
        await spared.send(*opening(), *typed("t0", "hola"))
        await spared.until("audioOutput")
        whole = getattr(parts, part)
        setattr(parts, part, FailingMind({}) if part == "dialogue" else fail)
        assert await (await speak(client)).error_of_last_event() == BROKEN
        setattr(parts, part, whole)
        await spared.send(*typed("t1", "hola"))
        await spared.until("audioOutput")
    assert "unhandled error in session" in caplog.text


class FailingMind(ScriptedMind):
    def respond(self, text: str, *, now: object, is_typed: bool = False) -> Reply:
        raise RuntimeError("planted")


async def test_a_client_that_takes_no_output_is_broken_off(served: Serve, parts: Parts) -> None:
    parts.synthesize = lambda text, rate_hz: bytes(2 * rate_hz * 60)
    async with served(send_s=0.3, reads=False) as client:
        stream = client.open()
        await stream.send(*opening(), *typed("t1", "hola"))
        with pytest.raises(GoneError) as gone:
            await stream.until("nothing that ever comes")
        assert gone.value.args == (8,)


async def test_slow_recognition_delays_only_its_own_session(served: Serve, parts: Parts) -> None:
    may_finish = threading.Event()
    parts.transcribe = lambda pcm: "hola" if may_finish.wait(120) else ""
    async with served() as client:
        slow = await speak(client)
        quick = client.open()
        await quick.send(*opening(), *typed("t1", "hola"))
        await quick.until("audioOutput")
        assert (await slow.response())[":status"] == "200"
        assert slow.body == b""
        may_finish.set()
        await slow.until("textOutput", role="USER")


async def test_a_flood_of_text_is_answered_without_being_hoarded(
    served: Serve, parts: Parts
) -> None:
    async with served() as client:
        stream = client.open()
        await stream.send(*opening())
        for number in range(60):
            await stream.send(*typed(f"t{number}", f"hola {number}"))
        await stream.send(*closing())
        await stream.until("completionEnd")
    assert [told for told in parts.dialogue.told if told != "interrupted"][:3] == [
        "hola 0",
        "hola 1",
        "hola 2",
    ]


async def test_stopping_does_not_wait_for_a_job_that_runs(served: Serve, parts: Parts) -> None:
    may_finish = threading.Event()
    parts.transcribe = lambda pcm: "hola" if may_finish.wait(120) else ""
    async with asyncio.timeout(60):
        async with served() as client:
            await speak(client)
    may_finish.set()


async def test_one_stream_more_than_the_quota_is_throttled_until_another_ends(
    served: Serve,
) -> None:
    async with served(max_streams=2) as client:
        first, second = client.open(), client.open()
        for stream in (first, second):
            assert (await stream.response())[":status"] == "200"
        assert await client.open().refusal() == (
            429,
            "ThrottlingException",
            "Too many requests, please wait before trying again.",
        )
        await first.send(session_start(), session_end())
        assert await first.next_message() is None
        assert (await client.open().response())[":status"] == "200"


async def test_a_connection_that_is_cut_off_leaves_its_place_to_others(
    served: Serve, certificates: Certificates
) -> None:
    async with served(max_streams=2) as client:
        for _ in range(3):
            url = f"https://{client.authority}"
            async with RawClient(url, certificates.ca_file) as other:
                stream = other.open()
                await stream.send(*opening(), *typed("t1", "hola"))
                await stream.until("audioOutput")
        stream = client.open()
        while (await stream.response())[":status"] == "429":
            await stream.refusal()
            stream = client.open()


async def test_after_eight_minutes_a_session_ends_whatever_comes(served: Serve) -> None:
    clock = HandClock()
    async with served(clock=clock) as client:
        stream = client.open()
        await stream.send(*opening())
        for number in range(16):
            await stream.send(*typed(f"t{number}", "hola"))
            await stream.until("contentEnd", stopReason="END_TURN", type="TEXT")
            clock.moment_s += 30
        assert await stream.error_of_last_event() == (
            "modelTimeoutException",
            "Model has timed out in processing the request. Try your request again.",
        )


async def test_faults_and_the_eight_minutes_pass_on_one_clock(served: Serve) -> None:
    clock = HandClock()
    almost = Send(event={"event": {"almost": {}}})
    faults = [
        Fault(at=InjectionPoint(where="after", after_s=475), action=almost),
        Fault(at=InjectionPoint(where="after", after_s=600), action=End()),
    ]
    async with served(clock=clock, faults=faults) as client:
        stream = client.open()
        await stream.send(*opening())
        for number in range(16):
            await stream.send(*typed(f"t{number}", "hola"))
            await stream.until("contentEnd", stopReason="END_TURN", type="TEXT")
            clock.moment_s += 29
        clock.moment_s += 12
        assert await stream.until("almost") == {}
        clock.moment_s += 5
        assert (await stream.error_of_last_event())[0] == "modelTimeoutException"


async def test_an_expired_certificate_is_replaced(tmp_path: Path) -> None:
    first = open_certificates(tmp_path, now=NOW).cert_file.read_bytes()
    kept = open_certificates(tmp_path, now=NOW + dt.timedelta(days=357)).cert_file.read_bytes()
    renewed = open_certificates(tmp_path, now=NOW + dt.timedelta(days=359)).cert_file.read_bytes()
    assert first == kept
    assert renewed != first
    (tmp_path / "key.pem").write_bytes(b"broken")
    assert open_certificates(tmp_path, now=NOW).cert_file.read_bytes() != renewed
