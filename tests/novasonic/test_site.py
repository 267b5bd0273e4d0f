"""The running site: health, readiness, origins, the page, logs."""

import json
import urllib.request
from datetime import datetime

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from tests.fixtures.ports import free_port
from tests.fixtures.site import Site, SiteRunner
from tests.fixtures.voice_clients import open_client, open_legacy_client

pytestmark = pytest.mark.wire


def test_health_and_ready_respond(site: Site) -> None:
    assert site.get("/health") == (200, b'{"status": "ok"}')
    status, body = site.get("/ready")
    ready = json.loads(body)
    assert (status, ready["status"], ready["problems"]) == (200, "ready", [])
    assert ready["calls"] >= 0  # others may call at this moment


def test_health_responds_to_a_foreign_host_header(site: Site) -> None:
    request = urllib.request.Request(f"{site.url}/health", headers={"Host": "10.0.0.7"})
    with urllib.request.urlopen(request, timeout=60) as response:
        assert response.status == 200


def test_health_port_serves_the_same_paths_and_no_others(run_site: SiteRunner) -> None:
    port = free_port()
    with run_site(HEALTH_PORT=str(port)) as site:
        health = Site(site.process, port, site.log)
        statuses = {path: health.get(path)[0] for path in ("/health", "/ready", "/orders")}
        assert statuses == {"/health": 200, "/ready": 200, "/orders": 404}
        assert site.get("/health")[0] == 200


def test_serve_without_a_secret_key_is_refused(run_site: SiteRunner) -> None:
    with run_site(wait=False, DJANGO_SECRET_KEY="") as site:
        assert site.process.wait(timeout=60) == 1
    (line,) = site.log.read_text().splitlines()
    assert "DJANGO_SECRET_KEY is not set" in line


def test_page_has_its_content_security_policy(site: Site) -> None:
    with urllib.request.urlopen(f"{site.url}/", timeout=60) as response:
        policy = response.headers["Content-Security-Policy"]
        page = response.read().decode()
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert '<html lang="es' in page


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_favicon_exists(site: Site, method: str) -> None:
    request = urllib.request.Request(f"{site.url}/favicon.ico", method=method)
    with urllib.request.urlopen(request, timeout=60) as response:
        assert (response.status, response.headers["Content-Type"]) == (200, "image/svg+xml")
        assert response.url.endswith("/voice/icon.svg")


def test_demo_orders_are_listed_in_the_envelope(site: Site, demo_data: datetime) -> None:
    status, body = site.get("/orders")
    response = json.loads(body)
    assert (status, response["success"], len(response["data"])) == (200, True, 5)
    assert response["message"] == "Retrieved 5 orders successfully"


async def test_websocket_accepts_the_sites_own_origin(site: Site) -> None:
    async with open_legacy_client(site.ws_url, origin=site.url) as client:
        assert client.socket.subprotocol is None


async def test_websocket_refuses_another_origin(site: Site) -> None:
    with pytest.raises(InvalidStatus) as caught:
        async with open_legacy_client(site.ws_url, origin="https://evil.example"):
            pass
    assert caught.value.response.status_code == 403


async def test_websocket_refuses_an_unknown_host_name(site: Site) -> None:
    """A page of evil.example whose name was made to point at us sends our address as its own."""
    with pytest.raises(InvalidStatus) as caught:
        async with connect(
            f"ws://evil.example:{site.port}/ws",
            host="localhost",
            port=site.port,
            origin=Origin(f"http://evil.example:{site.port}"),
        ):
            pass
    assert caught.value.response.status_code == 403


async def test_websocket_on_another_path_is_refused(site: Site) -> None:
    with pytest.raises(InvalidStatus) as caught:
        async with connect(f"{site.ws_url}/nowhere"):
            pass
    assert caught.value.response.status_code == 403


async def test_logs_are_json_lines_with_the_call_id(
    run_site: SiteRunner, demo_data: datetime
) -> None:
    with run_site(LOG_FORMAT="json", LOGLEVEL="INFO") as site:
        async with open_client(site.ws_url) as client:
            await client.converse("Hola")
            await client.send(type="end")
            await client.until_closed()
    records = [json.loads(record) for record in site.log.read_text().splitlines()]
    ours = {record["event"]: record for record in records if "call_id" in record}
    assert {"call started", "call ended"} <= set(ours)
    assert ours["call ended"]["reason"] == "client"
    assert "Hola" not in site.log.read_text()


async def test_websocket_accepts_an_origin_from_the_settings(run_site: SiteRunner) -> None:
    with run_site(WS_ALLOWED_ORIGINS="https://www.example.com") as site:
        async with open_legacy_client(site.ws_url, origin="https://www.example.com"):
            pass
        with pytest.raises(InvalidStatus):
            async with open_legacy_client(site.ws_url, origin="https://example.com"):
                pass
