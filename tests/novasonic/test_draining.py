"""Handover of calls when a server stops or drains."""

import asyncio
import json
import os
import signal
import subprocess
import urllib.error
from datetime import datetime
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from tests.fixtures.python_processes import run_manage
from tests.fixtures.site import Site, SiteRunner
from tests.fixtures.voice_clients import (
    VoiceClient,
    open_client,
    open_legacy_client,
    open_socket,
    request_ticket,
)

pytestmark = pytest.mark.wire


@pytest.fixture
def other(site: Site) -> Site:
    """A server that stays."""
    return site


async def follow(client: VoiceClient, other: Site) -> dict[str, object]:
    """Wait to be sent away, and come back on another server; return what it says."""
    assert (await client.until("moving"))["resumeAfterMs"] == 100
    assert await client.until_closed() == 1012
    resumed = await client.resume(await open_socket(other.ws_url))
    return resumed.event


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_stopping_server_transfers_its_calls(
    run_site: SiteRunner, other: Site, demo_data: datetime, number: signal.Signals
) -> None:
    with run_site() as site:
        async with open_client(site.ws_url) as client:
            await client.converse("Consulta el pedido número 1 con DNI 12345678")
            site.process.send_signal(number)
            assert (await follow(client, other))["restored"] is True
            await client.converse("Consulta la cita número 2 para Luis Fernández")
            await client.socket.close()
        assert site.process.wait(timeout=60) == 0


def drain(site: Site) -> subprocess.CompletedProcess[str]:
    environ = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "novasonic.settings",
        "WS_PORT": str(site.port),
        "PID_FILE": str(site.pid_file),
    }
    return run_manage("drain", environ=environ)


async def test_drained_server_is_unready_and_refuses_calls(
    run_site: SiteRunner, other: Site, demo_data: datetime
) -> None:
    with run_site() as site:
        async with open_client(site.ws_url) as client:
            await client.converse("Hola")
            async with asyncio.TaskGroup() as tasks:
                draining = tasks.create_task(asyncio.to_thread(drain, site))
                assert (await follow(client, other))["restored"] is True
            assert draining.result().stdout == "Drained: 1 calls handed over.\n"
            await client.converse("Hola")
            status, body = site.get("/ready")
            assert (status, json.loads(body)["problems"]) == (503, ["draining"])
            with pytest.raises(urllib.error.HTTPError) as no_ticket:
                request_ticket(site.ws_url)
            with no_ticket.value as refusal:
                assert (refusal.code, refusal.headers["Retry-After"]) == (503, "5")
            async with open_client(site.ws_url, start=False) as refused:
                await refused.send(type="start", ticket="any")
                error = await refused.until("error")
                assert (error["code"], error["retryAfterS"]) == ("draining", 5)
                assert await refused.until_closed() == 4429
            await client.socket.close()
        assert site.process.poll() is None


async def test_client_resuming_on_a_draining_server_is_redirected(
    run_site: SiteRunner, demo_data: datetime
) -> None:
    with run_site() as site:
        async with open_client(site.ws_url) as client:
            await client.converse("Hola")
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(asyncio.to_thread(drain, site))
                await client.until("moving")
                assert await client.until_closed() == 1012
            async with open_socket(site.ws_url) as socket:
                with pytest.raises(ConnectionClosed) as closed:
                    await client.resume(socket)
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 1012


async def test_call_without_a_quiet_moment_is_moved_at_the_deadline(
    run_site: SiteRunner, other: Site, demo_data: datetime
) -> None:
    with run_site(DRAIN_S="1") as site:
        async with open_client(site.ws_url) as client:
            client.acknowledges = False  # so the client never plays the reply to its end
            await client.send(type="text", text="Consulta el pedido número 1 con DNI 12345678")
            await client.until("tool", phase="finished")
            site.process.send_signal(signal.SIGTERM)
            assert (await follow(client, other))["restored"] is True
            client.acknowledges = True
            await client.until("turn")
            await client.socket.close()
        assert site.process.wait(timeout=60) == 0


async def test_legacy_client_is_notified_of_the_shutdown(run_site: SiteRunner) -> None:
    with run_site(DRAIN_S="1") as site:
        async with open_legacy_client(site.ws_url) as client:
            await client.start_session()
            await client.type_text("Hola")
            await client.until("contentEnd", type="AUDIO", stopReason="END_TURN")
            site.process.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed) as closed:
                await client.until("nothing")
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012


def test_drain_without_a_server_is_an_error(site: Site, tmp_path: Path) -> None:
    stopped_site = Site(site.process, site.port, tmp_path / "none.log")
    ended = drain(stopped_site)
    assert ended.returncode == 1
    assert "No server runs here" in ended.stderr
