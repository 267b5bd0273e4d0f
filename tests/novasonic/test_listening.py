"""The addresses on which `serve` listens, and what it says where it can't."""

import http.client
import socket
import urllib.request
from contextlib import closing

import pytest

from novasonic.listen_sockets import ListenError, bind_sockets, url_host
from tests.fixtures.ports import free_port
from tests.fixtures.python_processes import run_manage
from tests.fixtures.site import SiteRunner

LOOPBACKS = [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)]


def can_connect(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=60).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("localhost", ["127.0.0.1", "::1"]),
        ("127.0.0.1", ["127.0.0.1"]),
        ("::1", ["::1"]),
        ("0.0.0.0", ["127.0.0.1"]),
        ("::", ["127.0.0.1", "::1"]),
    ],
)
def test_host_is_listened_on_at_all_its_addresses(host: str, reached: list[str]) -> None:
    port = free_port()
    listeners = bind_sockets(host, port, port_variable="WS_PORT")
    try:
        assert [each for each, _ in LOOPBACKS if can_connect(each, port)] == reached
    finally:
        for listener in listeners:
            listener.close()


@pytest.mark.parametrize(("taken", "family"), LOOPBACKS)
def test_port_that_is_taken_on_one_address_only_is_named(
    taken: str, family: socket.AddressFamily
) -> None:
    with socket.socket(family) as other:
        other.bind((taken, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ListenError) as caught:
            bind_sockets("localhost", port, port_variable="HEALTH_PORT")
    assert str(caught.value) == f"HEALTH_PORT: port {port} of {taken} is in use"


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("192.0.2.1", "HOST: 192.0.2.1 is no address of this machine"),
        ("2001:db8::1", "HOST: 2001:db8::1 is no address of this machine"),
        ("nowhere.invalid", "HOST: 'nowhere.invalid' has no address: "),
    ],
)
def test_host_of_another_machine_is_named(host: str, message: str) -> None:
    with pytest.raises(ListenError) as caught:
        bind_sockets(host, free_port(), port_variable="WS_PORT")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", "localhost"),
        ("0.0.0.0", "localhost"),
        ("::", "localhost"),
        ("::1", "[::1]"),
        ("10.0.0.7", "10.0.0.7"),
    ],
)
def test_url_of_this_machine_reaches_the_server(host: str, expected: str) -> None:
    assert url_host(host) == expected


@pytest.mark.wire
@pytest.mark.parametrize("host", ["::1", "::"])
def test_site_is_served_over_ipv6(run_site: SiteRunner, host: str) -> None:
    with run_site(HOST=host, wait=False) as site:
        site.url = f"http://[::1]:{site.port}"
        site.wait_until_ready()
        with urllib.request.urlopen(f"{site.url}/", timeout=60) as response:
            assert response.status == 200
        # Pages of other sites can reach 0.0.0.0, whatever it means to the browser.
        with closing(http.client.HTTPConnection("::1", site.port, timeout=60)) as connection:
            connection.request("GET", "/", headers={"Host": "0.0.0.0"})
            assert connection.getresponse().status == 400


@pytest.mark.wire
def test_second_server_on_the_port_ends_with_one_line(run_site: SiteRunner) -> None:
    with run_site() as site:
        second = run_manage("serve", environ=site.environ)
        assert second.returncode == 1
        (line,) = (second.stdout + second.stderr).splitlines()
        assert line.endswith("is in use")
        assert site.pid_file.read_text() == str(site.process.pid)
        assert site.is_ready()
    assert not site.pid_file.exists()
