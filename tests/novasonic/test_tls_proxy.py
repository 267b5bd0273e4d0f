"""The site behind a TLS proxy with the documented settings alone: login, forms, calls, addresses.

nginx and the site meet at an address of this machine that is not a loopback one. No setting of the
server trusts that address, only PROXIES counts.
"""

import http.client
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from tests.fixtures.ports import machine_address
from tests.fixtures.python_processes import run_manage
from tests.fixtures.site import Site, running_site
from tests.fixtures.tls_proxy import TLSProxy, choose_ports, running_tls_proxy, trusted_by_clients
from tests.fixtures.voice_clients import open_client
from tests.interfaces.staff_session import CREDENTIALS, StaffSession

pytestmark = [pytest.mark.wire, pytest.mark.nginx]

SITE_ADDRESS = machine_address()
START_TIMEOUT_S = 150.0


@dataclass(frozen=True, slots=True)
class ProxiedSite:
    """A site, and the proxy in front of it."""

    site: Site
    proxy: TLSProxy

    def send_past_proxy(self, path: str, **headers: str) -> http.client.HTTPResponse:
        """Send a request to the site itself, with headers as a proxy sends them."""
        connection = http.client.HTTPConnection(SITE_ADDRESS, self.site.port, timeout=60)
        connection.request(
            "GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        response = connection.getresponse()
        response.read()
        connection.close()
        return response


@contextmanager
def proxied_site(folder: Path, stand_ins: dict[str, str], **environ: str) -> Iterator[ProxiedSite]:
    ports = choose_ports()
    settings = {**stand_ins, "HOST": SITE_ADDRESS, "PROXIES": "1", "SITE_URL": ports.url, **environ}
    username, password = CREDENTIALS
    arguments = ("--username", username, "--password", password)
    prepared = {
        **os.environ,
        **settings,
        "DJANGO_SETTINGS_MODULE": "novasonic.settings",
        "SQLITE_PATH": str(folder / "site.sqlite3"),
    }
    run_manage("prepare_demo", *arguments, environ=prepared).check_returncode()
    with (
        running_site(folder, settings, wait=False) as site,
        running_tls_proxy(
            folder, ports, f"{SITE_ADDRESS}:{site.port}", connects_from=SITE_ADDRESS
        ) as proxy,
    ):
        proxied = ProxiedSite(site, proxy)
        _wait_until_ready(proxied)
        yield proxied


def _wait_until_ready(proxied: ProxiedSite) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            if proxied.send_past_proxy("/ready").status == 200:
                return
        except OSError:
            pass
        if proxied.site.process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"the site did not start:\n{proxied.site.log.read_text()[-3000:]}")
        time.sleep(0.05)  # another process: there is nothing to wait on


@pytest.fixture(scope="module")
def proxied(
    tmp_path_factory: pytest.TempPathFactory, stand_in_environ: dict[str, str]
) -> Iterator[ProxiedSite]:
    folder = tmp_path_factory.mktemp("proxied")
    with proxied_site(folder, stand_in_environ, API_ANONYMOUS_RATE="3/min") as running:
        yield running


@pytest.fixture(autouse=True)
def trusted_ca(proxied: ProxiedSite) -> Iterator[None]:
    """Make Python's clients accept the proxy's certificate."""
    with trusted_by_clients(proxied.proxy):
        yield


def test_staff_logs_in_and_submits_a_form(proxied: ProxiedSite) -> None:
    session = StaffSession(proxied.proxy.url).log_in()

    assert all(cookie.secure for cookie in session.cookies.values())
    new_user = {"username": f"ana-{proxied.site.port}", "usable_password": "false"}
    status, page = session.submit("/admin/auth/user/add/", new_user)
    assert status == 200
    assert f"ana-{proxied.site.port}" in page


@pytest.mark.parametrize("origin", ["https://evil.example", "http://{host}"])
def test_form_from_another_origin_is_refused(proxied: ProxiedSite, origin: str) -> None:
    session = StaffSession(proxied.proxy.url)
    session.request("/admin/login/")
    username, password = CREDENTIALS
    form = f"username={username}&password={password}&csrfmiddlewaretoken="
    form += session.cookies["csrftoken"].value or ""
    host = proxied.proxy.url.removeprefix("https://")

    status, _ = session.request(
        "/admin/login/", form.encode(), {"Origin": origin.format(host=host)}
    )

    assert status == 403


async def test_ticket_and_call_pass_the_proxy(proxied: ProxiedSite, demo_data: datetime) -> None:
    async with open_client(proxied.proxy.ws_url) as client:
        await client.converse("Consulta el pedido número 1 con DNI 12345678")


async def test_own_page_may_call_and_others_may_not(proxied: ProxiedSite) -> None:
    async with connect(proxied.proxy.ws_url, origin=Origin(proxied.proxy.url)):
        pass
    with pytest.raises(InvalidStatus) as refused:
        async with connect(proxied.proxy.ws_url, origin=Origin("https://evil.example")):
            pass
    assert refused.value.response.status_code == 403


def test_response_tells_browsers_to_use_https(proxied: ProxiedSite) -> None:
    with urllib.request.urlopen(proxied.proxy.url + "/", timeout=60) as response:
        assert response.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_plain_request_is_redirected_and_health_is_not(proxied: ProxiedSite) -> None:
    host = proxied.proxy.url.removeprefix("https://")

    for headers in ({"X_Forwarded_Proto": "http"}, {}):
        redirect = proxied.send_past_proxy("/admin/", Host=host, **headers)
        assert (redirect.status, redirect.headers["Location"]) == (301, f"https://{host}/admin/")
    for path in ("/health", "/ready"):
        assert proxied.send_past_proxy(path).status == 200
    assert proxied.send_past_proxy("/", Host=host, X_Forwarded_Proto="https").status == 200


@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
def test_metrics_are_not_public(proxied: ProxiedSite, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(proxied.proxy.url + path, timeout=60)
    with refused.value as response:
        assert response.code == 404


def test_missing_proxy_header_is_logged_once(proxied: ProxiedSite) -> None:
    for _ in range(2):
        proxied.send_past_proxy("/admin/", Host="localhost", X_Forwarded_For="192.0.2.1")

    assert proxied.site.log.read_text().count("proxy headers missing") == 1


def request_orders(proxied: ProxiedSite, source: str, forwarded_for: str) -> int:
    """Request the orders from a loopback address, with a header that a client made up."""
    host, _, port = proxied.proxy.url.removeprefix("https://").partition(":")
    connection = http.client.HTTPSConnection(
        host,
        int(port),
        timeout=60,
        source_address=(source, 0),
        context=ssl.create_default_context(cafile=str(proxied.proxy.ca_file)),
    )
    connection.request("GET", "/orders", headers={"X-Forwarded-For": forwarded_for})
    status = connection.getresponse().status
    connection.close()
    return status


def test_clients_are_told_apart_by_the_address_the_proxy_saw(proxied: ProxiedSite) -> None:
    first = [request_orders(proxied, "127.0.0.5", f"192.0.2.{n}") for n in range(4)]
    second = [request_orders(proxied, "127.0.0.6", "192.0.2.1") for _ in range(2)]

    assert (first, second) == ([200, 200, 200, 429], [200, 200])


def test_headers_count_only_if_the_settings_name_a_proxy(
    tmp_path: Path, stand_in_environ: dict[str, str]
) -> None:
    # uvicorn would read FORWARDED_ALLOW_IPS by itself, and let each client choose its address.
    environ = {"PROXIES": "0", "SITE_URL": "", "FORWARDED_ALLOW_IPS": "*"}
    with proxied_site(tmp_path, stand_in_environ, API_ANONYMOUS_RATE="4/min", **environ) as direct:
        statuses = [
            direct.send_past_proxy(
                "/orders", Host="localhost", X_Forwarded_For=f"192.0.2.{number}"
            ).status
            for number in range(5)
        ]
        assert statuses == [200, 200, 200, 200, 429]
