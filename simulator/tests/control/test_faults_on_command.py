"""Faults on command, as a client meets them on the wire."""

import asyncio
import json
import time
from typing import Any

import pytest

from nova_sonic_simulator.protocol.eventstream import FramingError
from nova_sonic_simulator.testing import RunningSimulator
from nova_sonic_simulator.testing.coded_audio import encode_numbers, silence
from support.control import ASK, SCALE, connected, ended, greeted, nothing_comes
from support.events import (
    answer,
    audio_input,
    closing,
    opening,
    typed,
)
from support.processes import StartSimulator
from support.raw_client import GoneError, RawClient

pytestmark = pytest.mark.wire


class TestConnections:
    """What happens to a connection before anything is spoken on it."""

    async def test_it_is_reset_right_after_it_was_taken(self, running: RunningSimulator) -> None:
        fault = await running.inject_fault("connect", "abort", times=2)
        for _ in range(2):
            with pytest.raises(ConnectionResetError):
                async with connected(running):
                    pass
        async with connected(running) as client:
            await greeted(client)
        assert await running.times_triggered(fault) == 2

    async def test_it_hangs_while_it_is_listened_to(self, running: RunningSimulator) -> None:
        await running.inject_fault("connect", "hang")
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(bytes(10_000_000))
        await writer.drain()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await reader.read(1)
        writer.close()

    @pytest.mark.parametrize("action", [{"kind": "hang", "s": 5}, {"kind": "delay", "s": 5}])
    async def test_it_comes_late(self, running: RunningSimulator, action: dict[str, Any]) -> None:
        await running.command("fault", at="connect", action=action)
        started = time.monotonic()
        async with connected(running):
            assert time.monotonic() - started >= 5 / SCALE

    @pytest.mark.parametrize("hard", [True, False])
    async def test_it_is_told_to_go_away_at_once(
        self, running: RunningSimulator, hard: bool
    ) -> None:
        await running.inject_fault("connect", "goaway", code="ENHANCE_YOUR_CALM", hard=hard)
        async with connected(running) as client:
            stream = client.open()
            with pytest.raises(GoneError) as gone:
                await stream.response()
            assert gone.value.args == ("closed" if hard else 7,)
            assert client.goodbye in ((11, None) if hard else (11,))


class TestRequests:
    """What happens to a request before its answer has begun."""

    async def test_it_is_refused(self, client: RawClient, running: RunningSimulator) -> None:
        action = {"status": 503, "code": "ServiceUnavailableException", "message": "Later."}
        await running.inject_fault("open", "refuse", nth=2, **action)
        assert (await client.open().response())[":status"] == "200"
        assert await client.open().refusal() == (503, "ServiceUnavailableException", "Later.")
        await greeted(client)

    async def test_it_is_never_answered(self, client: RawClient, running: RunningSimulator) -> None:
        await running.inject_fault("open", "hang")
        stream = client.open()
        for _ in range(100):
            await stream.send(audio_input(bytes(30_000)))
        assert await nothing_comes(stream)
        assert not stream.headers
        stream.reset()

    async def test_it_is_answered_late(self, client: RawClient, running: RunningSimulator) -> None:
        await running.inject_fault("open", "delay", s=5)
        started = time.monotonic()
        await greeted(client)
        assert time.monotonic() - started >= 5 / SCALE

    @pytest.mark.parametrize(
        ("action", "reason"),
        [
            ({"kind": "abort"}, "closed"),
            ({"kind": "reset", "code": "REFUSED_STREAM"}, 7),
            ({"kind": "goaway", "hard": True}, "closed"),
        ],
    )
    async def test_it_is_broken_off_before_the_headers(
        self, client: RawClient, running: RunningSimulator, action: dict[str, Any], reason: Any
    ) -> None:
        await running.command("fault", at="open", action=action)
        stream = client.open()
        with pytest.raises(GoneError) as gone:
            await stream.response()
        assert gone.value.args == (reason,)
        async with connected(running) as other:
            await greeted(other)

    async def test_it_is_answered_on_a_connection_that_goes_away(
        self, client: RawClient, running: RunningSimulator
    ) -> None:
        await running.inject_fault("open", "goaway")
        await greeted(client)
        assert client.goodbye == 0

    @pytest.mark.parametrize("kind", ["exception", "error", "truncate", "end"])
    async def test_it_is_answered_with_an_end(
        self, client: RawClient, running: RunningSimulator, kind: str
    ) -> None:
        fields = {"exception": {"type": "x"}, "error": {"code": "x"}}.get(kind, {})
        await running.inject_fault("open", kind, **fields)
        stream = client.open()
        assert (await stream.response())[":status"] == "200"
        message = await stream.next_message()
        assert (message is not None) == bool(fields)
        await ended(stream)


class TestStreams:
    """What happens to a stream in the middle of a conversation."""

    async def test_an_exception_of_any_type_comes_before_the_event(
        self, client: RawClient, running: RunningSimulator
    ) -> None:
        action = {"type": "brandNewException", "message": "Unheard of."}
        await running.inject_fault("out:audioOutput", "exception", nth=2, **action)
        stream = await greeted(client)
        message = await stream.next_message()
        assert message is not None
        assert message.headers[":exception-type"] == "brandNewException"
        assert json.loads(message.payload) == {"message": "Unheard of."}
        await ended(stream)

    async def test_an_exception_comes_in_place_of_the_answer_to_an_event(
        self, client: RawClient, running: RunningSimulator
    ) -> None:
        await running.inject_fault("in:toolResult", "exception", type="modelStreamErrorException")
        stream = client.open()
        await stream.send(*opening(tools=("consultarOrder",)), *typed("t1", ASK))
        use = await stream.until("toolUse")
        await stream.until("contentEnd")
        await stream.send(*answer("r1", use["toolUseId"], '{"ok": true}'))
        assert (await stream.error_of_last_event())[0] == "modelStreamErrorException"
        (session,) = await running.sessions(newest=1)
        assert session["ended"] == "fault"
        assert session["tool_results"] == []

    async def test_an_error_message(self, client: RawClient, running: RunningSimulator) -> None:
        await running.inject_fault("in:textInput", "error", nth=2, code="Broken", message="Very.")
        stream = client.open()
        await stream.send(*opening(), *typed("t1", "Hola"))
        assert await stream.error_of_last_event() == ("Broken", "Very.")

    async def test_half_a_frame_and_then_the_end(
        self, client: RawClient, running: RunningSimulator
    ) -> None:
        await running.inject_fault("out:audioOutput", "truncate", nth=2)
        stream = await greeted(client)
        await ended(stream)
        with pytest.raises(FramingError, match="bytes into a message"):
            stream.decoder.receive_eof()

    async def test_a_wrong_checksum(self, client: RawClient, running: RunningSimulator) -> None:
        await running.inject_fault("out:audioOutput", "corrupt", nth=2)
        stream = await greeted(client)
        with pytest.raises(FramingError, match="checksum of the message"):
            await stream.next_message()

    async def test_any_json_as_one_more_event(
        self, client: RawClient, running: RunningSimulator
    ) -> None:
        added = {"event": {"userSpeechEnd": {"at": 1}}}
        await running.inject_fault("out:contentStart", "send", nth=2, event=added)
        stream = client.open()
        await stream.send(*opening(), *typed("t1", "Hola"))
        assert await stream.until("userSpeechEnd") == {"at": 1}
        assert (await stream.next_event())[0] == "contentStart"
        await stream.until("contentEnd", type="AUDIO", stopReason="END_TURN")

    async def test_a_clean_end_that_nobody_asked_for(
        self, client: RawClient, running: RunningSimulator
    ) -> None:
        await running.inject_fault("out:audioOutput", "end", nth=2)
        stream = await greeted(client)
        assert await stream.next_message() is None

    @pytest.mark.parametrize(
        ("action", "reason"),
        [
            ({"kind": "abort"}, "closed"),
            ({"kind": "reset"}, 2),
            ({"kind": "reset", "code": 0}, 0),
            ({"kind": "goaway", "code": "INTERNAL_ERROR", "hard": True}, "closed"),
        ],
    )
    @pytest.mark.parametrize("at", ["out:audioOutput", "in:audioInput", {"after_s": 3}])
    async def test_it_breaks(
        self,
        client: RawClient,
        running: RunningSimulator,
        action: dict[str, Any],
        reason: Any,
        at: Any,
    ) -> None:
        await running.command("fault", at=at, action=action)
        stream = client.open()
        await stream.send(*opening(), *typed("t1", "Hola"), audio_input())
        with pytest.raises(GoneError) as gone:
            await ended(stream)
        assert gone.value.args == (reason,)
        (session,) = await running.sessions(newest=1)
        assert session["ended"] == "fault"

    async def test_a_graceful_goaway_lets_the_conversation_finish(
        self, client: RawClient, running: RunningSimulator
    ) -> None:
        await running.inject_fault("out:audioOutput", "goaway")
        stream = await greeted(client)
        assert (client.goodbye, client.last_promised) == (0, stream.stream_id)
        refused = client.open()
        with pytest.raises(GoneError) as gone:
            await refused.response()
        assert gone.value.args == (7,)
        await stream.send(*typed("t2", "Gracias"))
        await stream.until("textOutput", role="USER", content="Gracias")
        await stream.send(*closing())
        await stream.until("completionEnd")
        await stream.end()
        await asyncio.wait_for(client.closed.wait(), 60)

    @pytest.mark.parametrize("at", ["out:audioOutput", "in:audioInput", {"after_s": 2}])
    async def test_it_hangs_and_goes_on_listening(
        self, client: RawClient, running: RunningSimulator, at: Any
    ) -> None:
        fault = await running.inject_fault(at, "hang")
        stream = client.open()
        await stream.send(*opening(), audio_input(), *typed("t1", "Hola"))
        while not await nothing_comes(stream):
            pass
        for _ in range(40):
            await stream.send(audio_input(bytes(30_000)))
        assert await nothing_comes(stream)
        assert await running.times_triggered(fault) == 1
        beside = client.open()
        await beside.send(*opening(), *typed("t1", "Hola"))
        await beside.until("audioOutput")

    async def test_a_hanging_session_outlives_its_limits_in_silence(
        self, start_simulator: StartSimulator
    ) -> None:
        quick = start_simulator("--time-scale", "100")
        await quick.inject_fault("in:promptStart", "hang")
        async with connected(quick) as client:
            stream = client.open()
            await stream.send(*opening())
            assert await nothing_comes(stream, within_s=60 / 100)
            beside = client.open()
            assert (await beside.error_of_last_event())[1].startswith("InternalErrorCode=532")

    async def test_it_hangs_for_a_while(self, client: RawClient, running: RunningSimulator) -> None:
        await running.inject_fault("out:textOutput", "hang", s=5)
        stream = client.open()
        started = time.monotonic()
        await stream.send(*opening(), *typed("t1", "Hola"))
        await stream.until("textOutput")
        assert time.monotonic() - started >= 5 / SCALE

    @pytest.mark.parametrize("at", ["out:textOutput", "in:textInput"])
    async def test_it_is_slow(self, client: RawClient, running: RunningSimulator, at: str) -> None:
        await running.inject_fault(at, "delay", s=5)
        stream = client.open()
        started = time.monotonic()
        await stream.send(*opening(), *typed("t1", "Hola"))
        await stream.until("audioOutput")
        assert time.monotonic() - started >= 5 / SCALE

    @pytest.mark.parametrize("at", ["open", "in:contentStart", {"after_s": 0}])
    async def test_session_is_unresponsive(
        self, client: RawClient, running: RunningSimulator, at: Any
    ) -> None:
        await running.inject_fault(at, "unresponsive")
        stream = client.open()
        pcm = encode_numbers([1, 2]) + silence(300)
        await stream.send(*opening(), *typed("t1", "Hola"), audio_input(pcm))
        assert await nothing_comes(stream)
        (session,) = await running.sessions(newest=1)
        assert session["texts"] == ["Hola"]
        assert session["audio_bytes"] == len(pcm)
        await stream.send(*closing())
        await stream.end()
        await ended(stream)

    async def test_session_unresponsive_at_a_tool_ignores_its_result(
        self, client: RawClient, running: RunningSimulator
    ) -> None:
        await running.inject_fault("out:toolUse", "unresponsive")
        stream = client.open()
        await stream.send(*opening(tools=("consultarOrder",)), *typed("t1", ASK))
        use = await stream.until("toolUse")
        await stream.until("contentEnd")
        await stream.send(*answer("r1", use["toolUseId"], '{"ok": true}'))
        assert await nothing_comes(stream)

    async def test_faults_scale_with_the_services_time(
        self, client: RawClient, running: RunningSimulator
    ) -> None:
        await running.inject_fault({"after_s": 10}, "end")
        started = time.monotonic()
        stream = client.open()
        await stream.send(*opening())
        await ended(stream)
        assert 10 / SCALE <= time.monotonic() - started < 10
        (session,) = await running.sessions(newest=1)
        assert session["ended_s"] - session["opened_s"] >= 10

    async def test_input_delayed_for_55_seconds_is_missed(
        self, start_simulator: StartSimulator
    ) -> None:
        quick = start_simulator("--time-scale", "100")
        await quick.inject_fault("in:audioInput", "delay", s=60)
        await quick.inject_fault({"after_s": 50}, "send", event={"event": {"almost": {}}})
        async with connected(quick) as client:
            stream = client.open()
            await stream.send(*opening(), audio_input())
            assert await stream.until("almost") == {}
            assert (await stream.error_of_last_event())[1].startswith("InternalErrorCode=532")

    async def test_only_the_session_it_is_for_is_struck(
        self, client: RawClient, running: RunningSimulator
    ) -> None:
        first, second = await greeted(client), await greeted(client)
        spared, triggered = [session["id"] for session in await running.sessions(newest=2)]
        await running.inject_fault("in:textInput", "end", session=triggered)
        await first.send(*typed("t2", "Gracias"))
        await first.until("textOutput", role="USER", content="Gracias")
        await second.send(*typed("t2", "Gracias"))
        await ended(second)
        ends = {session["id"]: session["ended"] for session in await running.sessions(newest=2)}
        assert ends == {spared: None, triggered: "fault"}


@pytest.mark.parametrize("kind", ["abort", "end", "unresponsive"])
async def test_all_open_sessions_are_struck_at_once(
    client: RawClient, running: RunningSimulator, kind: str
) -> None:
    async with connected(running) as other:
        streams = [await greeted(one) for one in (client, client, other)]
        answered = await running.command("drop_all", action={"kind": kind})
        assert answered["affected"] >= 3
        for stream in streams:
            if kind == "unresponsive":
                await stream.send(*typed("t2", "¿Hola?"))
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.3):
                        await stream.until("textOutput", role="USER", content="¿Hola?")
            elif kind == "end":
                await ended(stream)
            else:
                with pytest.raises(GoneError):
                    await ended(stream)
    async with connected(running) as client:
        await greeted(client)
