"""The parts of the server in processes of their own: `manage.py serve --only voice` and `--only site`."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.fixtures import tls_proxy
from tests.fixtures.ports import free_port
from tests.fixtures.site import Site, SiteRunner, running_site
from tests.fixtures.voice_clients import open_client, request_ticket

pytestmark = pytest.mark.wire


@pytest.fixture(scope="module")
def voice(
    tmp_path_factory: pytest.TempPathFactory, stand_in_environ: dict[str, str]
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("voice")
    environ = {**stand_in_environ, "ALLOWED_HOSTS": f"{tls_proxy.ADDRESS},localhost"}
    with running_site(folder, environ, only="voice") as running:
        yield running


@pytest.fixture(scope="module")
def page(
    tmp_path_factory: pytest.TempPathFactory, stand_in_environ: dict[str, str]
) -> Iterator[Site]:
    """Run the site part, which needs no Nova Sonic: there is none at its address."""
    folder = tmp_path_factory.mktemp("page")
    environ = {
        **stand_in_environ,
        "ALLOWED_HOSTS": f"{tls_proxy.ADDRESS},localhost",
        "BEDROCK_ENDPOINT_URL": f"https://localhost:{free_port()}",
    }
    with running_site(folder, environ, only="site") as running:
        yield running


async def test_voice_part_carries_a_call(voice: Site, demo_data: datetime) -> None:
    async with open_client(voice.ws_url) as client:
        await client.converse("Consulta el pedido número 1 con DNI 12345678")


def status_of(url: str) -> int:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return int(answer.status)


@pytest.mark.nginx
async def test_documented_proxy_joins_both_parts(
    voice: Site,
    page: Site,
    demo_data: datetime,
    tmp_path: Path,
) -> None:
    ports = tls_proxy.choose_ports()
    addresses = [f"localhost:{part.port}" for part in (voice, page)]
    with (
        tls_proxy.running_tls_proxy(tmp_path, ports, *addresses) as proxy,
        tls_proxy.trusted_by_clients(proxy),
    ):
        for path in ("/", "/orders", "/admin/login/"):
            assert await asyncio.to_thread(status_of, proxy.url + path) == 200
        async with open_client(proxy.ws_url) as client:
            await client.converse("Consulta el pedido número 1 con DNI 12345678")


async def test_ticket_of_one_server_is_valid_on_the_voice_part(site: Site, voice: Site) -> None:
    async with open_client(voice.ws_url, start=False) as client:
        await client.send(type="start", ticket=request_ticket(site.ws_url))
        await client.until("ready")


@pytest.mark.parametrize(
    "path", ["/", "/orders", "/admin/", "/api/docs/", "/static/app.js", "/voice"]
)
def test_voice_part_has_no_paths_of_the_site(voice: Site, path: str) -> None:
    assert voice.get(path) == (404, b'{"error": "this path is not served here"}')


@pytest.mark.parametrize("path", ["/", "/orders", "/admin/login/"])
def test_site_part_serves_page_api_and_admin(page: Site, demo_data: datetime, path: str) -> None:
    assert page.get(path)[0] == 200


def test_site_part_issues_no_tickets(page: Site) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        request_ticket(page.ws_url)
    with refused.value as answer:
        assert answer.code == 404


@pytest.mark.parametrize("path", ["/ws", "/"])
async def test_site_part_refuses_websockets(page: Site, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(page.url.replace("http", "ws", 1) + path):
            pass
    assert refused.value.response.status_code == 403


def test_site_part_is_ready_without_nova_sonic(page: Site) -> None:
    status, body = page.get("/ready")
    assert (status, json.loads(body)["problems"]) == (200, [])


def test_voice_part_is_not_ready_without_nova_sonic(
    tmp_path: Path, stand_in_environ: dict[str, str]
) -> None:
    nobody = {"BEDROCK_ENDPOINT_URL": f"https://localhost:{free_port()}"}
    environ = {**stand_in_environ, **nobody}
    with running_site(tmp_path, environ, only="voice", wait=False) as server:
        server.wait_until_alive()
        status, body = server.get("/ready")
        assert (status, json.loads(body)["problems"]) == (503, ["Nova Sonic"])


def test_health_port_of_the_site_part_needs_no_nova_sonic(run_site: SiteRunner) -> None:
    port = free_port()
    environ = {"HEALTH_PORT": str(port), "BEDROCK_ENDPOINT_URL": f"https://localhost:{free_port()}"}
    with run_site(only="site", **environ) as site:
        assert Site(site.process, port, site.log).get("/ready")[0] == 200
