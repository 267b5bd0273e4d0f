"""A call outlives its connection, its page and its server, over real sockets."""

import signal
from datetime import datetime

import pytest
from websockets.exceptions import ConnectionClosed

from tests.fixtures.line import COUNTED, Line, dialled, open_line
from tests.fixtures.site import Site, SiteRunner
from voice.wire.binary import Flag, FrameType

pytestmark = pytest.mark.wire

LONG = "Consulta el pedido número 1 con DNI 12345678"


def spoken(line: Line) -> list[str]:
    shown = {
        (event["turn"], event["segment"]): event["text"]
        for event in line.events
        if event["type"] == "caption"
    }
    return [shown[place] for place in sorted(shown)]


async def test_a_dropped_connection_loses_nothing(site: Site, demo_data: datetime) -> None:
    async with open_line(site.ws_url) as line:
        await line.send(type="text", text=LONG)
        await line.until("tool", phase="finished")
        line.socket.transport.abort()
        async with dialled(site.ws_url) as socket:
            resumed = await line.come_back(socket)
            assert resumed.event["restored"] is False
            assert resumed.sequence == line.frames.sequence
            await line.until("turn")
        counted = [f.sequence for f in line.received if f.kind in COUNTED]
        assert counted == list(range(len(counted)))
        position = 0
        for frame in [f for f in line.received if f.kind is FrameType.AUDIO_OUT]:
            assert frame.position == position
            position += len(frame.payload) // 2


async def test_a_client_that_remembers_nothing_is_told_what_was_said(
    site: Site, demo_data: datetime
) -> None:
    async with open_line(site.ws_url) as line:
        await line.converse("Hola")
        said = spoken(line)
        again = Line(line.socket, site.ws_url)
        again.token, again.heard = line.token, line.heard
        async with dialled(site.ws_url) as socket:
            resumed = await again.come_back(socket, forgot=True)
            again.frames.sequence = resumed.sequence
            await again.converse("Consulta la cita número 2 para Luis Fernández")
        assert spoken(again)[: len(said)] == said
        assert [event["turn"] for event in again.events if event["type"] == "turn"] == [2]


async def test_one_token_has_one_live_connection(site: Site) -> None:
    async with open_line(site.ws_url) as line, dialled(site.ws_url) as socket:
        before = line.socket
        await line.come_back(socket)
        assert await Line(before, site.ws_url).until_closed() == 4409
        await line.converse("Hola")


@pytest.mark.parametrize("token", ["", "no.call", "x" * 200])
async def test_an_unknown_call_is_refused(site: Site, token: str) -> None:
    async with dialled(site.ws_url) as socket:
        line = Line(socket, site.ws_url)
        line.token = token
        with pytest.raises(ConnectionClosed) as closed:
            await line.come_back(socket)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4404
        assert line.events[0]["code"] == "unknown_call"


async def test_a_call_that_has_ended_is_over(site: Site) -> None:
    async with open_line(site.ws_url) as line:
        await line.send(type="end")
        assert await line.until_closed() == 1000
        async with dialled(site.ws_url) as socket:
            with pytest.raises(ConnectionClosed) as closed:
                await line.come_back(socket)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4404


async def test_after_half_a_minute_it_goes_on_from_what_is_stored(
    run_site: SiteRunner, demo_data: datetime
) -> None:
    with run_site(CALL_RESUME_S="0.2", LOGLEVEL="INFO") as site:
        async with open_line(site.ws_url) as line:
            await line.converse(LONG)
            said = spoken(line)
            line.socket.transport.abort()
            await site.until_logged("call ended")
            async with dialled(site.ws_url) as socket:
                resumed = await line.come_back(socket)
                assert resumed.event["restored"] is True
                await line.converse("Hola")
            assert spoken(line)[: len(said)] == said


async def test_a_server_that_was_killed_is_followed_by_another(
    run_site: SiteRunner, demo_data: datetime
) -> None:
    with run_site() as site, run_site() as other:
        async with open_line(site.ws_url) as line:
            await line.converse(LONG)
            site.process.send_signal(signal.SIGKILL)
            async with dialled(other.ws_url) as socket:
                resumed = await line.come_back(socket)
                assert resumed.event["restored"] is True
                events = await line.converse("Consulta la cita número 2 para Luis Fernández")
            assert [e["turn"] for e in events if e["type"] == "turn"] == [1, 2]
            resent = [f for f in line.received if f.flags & Flag.RESENT]
            assert not resent
