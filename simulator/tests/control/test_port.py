"""What the control port tells of the sessions, and what else it changes."""

import asyncio
import json
import ssl
import time

import pytest

from nova_sonic_simulator.testing import RunningSimulator
from nova_sonic_simulator.testing.coded_audio import encode_number, encode_numbers, silence
from support.control import ASK, connected, ended, greeted
from support.events import (
    answer,
    audio_input,
    audio_start,
    closing,
    opening,
    prompt_start,
    session_start,
    system,
    text,
    typed,
)
from support.processes import StartSimulator
from support.raw_client import RawClient

pytestmark = pytest.mark.wire


async def test_credentials_change_for_new_streams_alone(
    client: RawClient, running: RunningSimulator
) -> None:
    stream = await greeted(client)
    keys = {"access_key": "new", "secret_key": "secret", "session_token": "token"}
    await running.command("credentials", **keys, expire=True)
    assert await client.open().refusal() == (
        403,
        "ExpiredTokenException",
        "The security token included in the request is expired",
    )
    new = client.open(keys=("new", "secret"), token="token")
    assert (await new.response())[":status"] == "200"
    await stream.send(*typed("t2", "Gracias"))
    await stream.until("textOutput", role="USER", content="Gracias")
    await running.command("clear")
    await greeted(client)


async def test_a_script_asks_for_tools_as_it_is_told(
    client: RawClient, running: RunningSimulator
) -> None:
    twice = {"name": "consultarOrder", "arguments": {"orderId": "1"}}
    odd = {"name": "noExiste", "arguments": [1, "dos"]}
    await running.command("script", when="17", say=["Ya miro."], tools=[twice, twice, odd])
    stream = client.open()
    pcm = encode_numbers([17]) + silence(300)
    await stream.send(*opening(tools=("consultarOrder",)), audio_input(pcm))
    assert (await stream.until("textOutput", role="ASSISTANT"))["content"] == "Ya miro."
    uses = [await stream.until("toolUse") for _ in range(3)]
    assert [(use["toolName"], json.loads(use["content"])) for use in uses] == [
        ("consultarOrder", {"orderId": "1"}),
        ("consultarOrder", {"orderId": "1"}),
        ("noExiste", [1, "dos"]),
    ]
    assert len({use["toolUseId"] for use in uses}) == 3
    order = '{"ok": true, "order": {"id": "1", "statusText": "en camino"}}'
    for use in reversed(uses):
        await stream.send(*answer(use["toolUseId"], use["toolUseId"], order))
    described = "Id: 1; status text: en camino."
    for said in (described, *["Tu pedido 1 está en camino."] * 2):
        await stream.until("textOutput", role="ASSISTANT", content=said)


class TestSessions:
    """What is told of each session."""

    async def test_everything_it_received(
        self, client: RawClient, running: RunningSimulator
    ) -> None:
        stream = client.open()
        past = [*text("h1", "Hola."), *text("h2", "¿Qué necesitás?", "ASSISTANT")]
        prompt = prompt_start(tools=("consultarOrder",))
        await stream.send(session_start(), prompt, *system(), *past, audio_start())
        await stream.send(*typed("t1", ASK))
        use = await stream.until("toolUse")
        await stream.send(*answer("r1", use["toolUseId"], '{"ok": false, "say": "No."}'))
        pcm = encode_numbers([17]) + encode_number(18)[:1000] + silence(300)
        await stream.send(audio_input(pcm))
        await stream.until("textOutput", role="USER", content="17")
        (session,) = await running.sessions(newest=1)
        assert session.pop("id").startswith("c")
        assert session.pop("opened_s") > 0
        assert session == {
            "model": "amazon.nova-2-sonic-v1:0",
            "voice": "carlos",
            "ended": None,
            "ended_s": None,
            "failure": None,
            "history": [["USER", "Hola."], ["ASSISTANT", "¿Qué necesitás?"]],
            "texts": [ASK],
            "numbers": ["17"],
            "damaged_bursts": 1,
            "audio_bytes": len(pcm),
            "tool_uses": [
                {
                    "toolUseId": use["toolUseId"],
                    "name": "consultarOrder",
                    "arguments": {"orderId": "1", "dni": "12345678"},
                }
            ],
            "tool_results": [
                {"toolUseId": use["toolUseId"], "result": {"ok": False, "say": "No."}}
            ],
        }

    async def test_how_it_ended(self, client: RawClient, running: RunningSimulator) -> None:
        polite, silent, wrong, gone = [client.open() for _ in range(4)]
        forged = client.open(event_secret="other")
        await polite.send(*opening(), *closing())
        await ended(polite)
        await silent.send(*opening())
        await silent.end()
        await ended(silent)
        await wrong.send(*opening(), session_start())
        await wrong.error_of_last_event()
        await forged.send(session_start())
        await forged.error_of_last_event()
        await gone.response()
        gone.reset()
        await client.open().response()
        async with asyncio.timeout(60):
            while "lost" not in [session["ended"] for session in await running.sessions(6)]:
                pass
        sessions = await running.sessions(newest=6)
        ends = {session["ended"]: session["failure"] for session in sessions}
        assert [session["ended"] for session in sessions].count("client") == 2
        assert ends.keys() == {"client", "failure", "lost", None}
        types = {session["failure"]["type"] for session in sessions if session["failure"]}
        assert types == {"validationException", "InvalidSignatureException"}

    async def test_only_the_newest_are_kept(self, start_simulator: StartSimulator) -> None:
        running = start_simulator("--max-streams", "300")
        async with connected(running) as client:
            for _ in range(205):
                stream = client.open()
                await stream.response()
                stream.reset()
        sessions = await running.sessions()
        assert len(sessions) == 200
        assert sessions[-1]["id"] == "c1-s409"

    async def test_asking_is_quick(self, client: RawClient, running: RunningSimulator) -> None:
        started = time.monotonic()
        for _ in range(50):
            stream = client.open()
            await stream.send(*opening(), *typed("t1", "Hola " * 100))
            await stream.until("completionStart")
            stream.reset()
        opened_s = time.monotonic() - started
        # As a share of what it is compared with, on a machine of any speed.
        started = time.monotonic()
        await running.sessions()
        assert time.monotonic() - started < max(2, opened_s)


class TestPort:
    """The port itself."""

    async def test_several_commands_may_come_on_one_connection(
        self, running: RunningSimulator
    ) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.control_port)
        writer.write(b'{"do":"clear"}\nnonsense\n{"do":"sessions","newest":1}\n')
        answers = [json.loads(await reader.readline()) for _ in range(3)]
        assert [answer["ok"] for answer in answers] == [True, False, True]
        assert answers[1] == {"ok": False, "error": "not JSON"}
        writer.close()

    async def test_a_line_without_end_is_refused(self, running: RunningSimulator) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.control_port)
        writer.write(bytes(3 << 20))
        assert json.loads(await reader.readline())["ok"] is False
        writer.close()
        assert (await running.send_command("clear"))["ok"]

    async def test_it_is_on_this_machine_alone(self, running: RunningSimulator) -> None:
        with pytest.raises(OSError, match="Connect call failed"):
            await asyncio.open_connection("127.0.0.2", running.control_port)

    async def test_a_client_that_breaks_tls_harms_nobody(
        self, client: RawClient, running: RunningSimulator
    ) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        other = ssl.create_default_context()
        with pytest.raises(ssl.SSLError):
            await asyncio.open_connection("127.0.0.1", running.port, ssl=other)
        writer.close()
        await greeted(client)
