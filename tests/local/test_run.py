"""Run the launcher of `make run` as a process."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.fixtures.ports import free_port

pytestmark = [pytest.mark.wire]

READY_TIMEOUT_S = 300.0
SITE_VARIABLES = {"DJANGO_SETTINGS_MODULE", "LOGLEVEL"}


def run_environ(var: Path, **more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in SITE_VARIABLES}
    return {**inherited, "VAR_DIR": str(var), "WS_PORT": str(free_port()), **more}


@contextmanager
def launched(env: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the launcher; yield the process and what it prints when it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "local.run"],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process, _read_until_ready(process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(timeout=120)
        assert process.stdout is not None
        process.stdout.close()


def _read_until_ready(process: subprocess.Popen[str]) -> str:
    output = ""
    deadline = time.monotonic() + READY_TIMEOUT_S
    assert process.stdout is not None
    while "Ctrl-C" not in output:
        line = process.stdout.readline()
        if not line or time.monotonic() > deadline:
            pytest.fail(f"not ready:\n{output}")
        output += line
    return output


def get_orders(env: dict[str, str]) -> list[dict[str, object]]:
    with urllib.request.urlopen(
        f"http://localhost:{env['WS_PORT']}/orders", timeout=60
    ) as response:
        body = json.load(response)
    assert body["success"] is True
    assert body["message"] == f"Retrieved {len(body['data'])} orders successfully"
    orders: list[dict[str, object]] = body["data"]
    return orders


def call(env: dict[str, str], var: Path, *texts: str) -> subprocess.CompletedProcess[str]:
    lines = [part for text in texts for part in ("--text", text)]
    command = [sys.executable, "manage.py", "call", *lines, "--save", str(var / "r.wav")]
    return subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=300, check=False
    )


def test_restart_after_kill_9_keeps_acknowledged_data(tmp_path: Path) -> None:
    # An HTTP proxy for the internet must not be used between processes of one machine.
    env = run_environ(tmp_path, http_proxy="http://127.0.0.1:9", https_proxy="http://127.0.0.1:9")
    with launched(env) as (process, output):
        for place in ("/admin/", "/orders", "user demo", "Hearing:", "Speaking:"):
            assert place in output
        assert len(get_orders(env)) == 5
        cancelled = call(env, tmp_path, "Cancela el pedido número 2 para Juan Pérez", "Sí")
        assert cancelled.returncode == 0, cancelled.stderr
        assert "cancelarOrder: proposed" in cancelled.stdout
        assert "cancelarOrder: ok" in cancelled.stdout
        assert (tmp_path / "r.wav").stat().st_size > 10_000
        before = get_orders(env)
        process.kill()
    time.sleep(1)  # the kernel terminates the children; their ports are free soon
    with launched(env) as (process, output):
        assert get_orders(env) == before
        seconds = re.search(r"ready \(([\d.]+) s\)", output)
        assert seconds
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 0


@pytest.fixture(scope="module")
def lean_environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a run without home folder and zone data of the system."""
    env = run_environ(tmp_path_factory.mktemp("var"), LOGLEVEL="info", PYTHONTZPATH="")
    del env["HOME"]
    return env


@pytest.fixture(scope="module")
def lean_run(lean_environ: dict[str, str]) -> Iterator[str]:
    """Run the launcher in that environment; yield what it prints when it is ready."""
    with launched(lean_environ) as (_process, output):
        yield output


@pytest.mark.usefixtures("lean_run")
def test_second_run_in_the_same_folder_exits(lean_environ: dict[str, str]) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "local.run"],
        env=lean_environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert "already running" in second.stderr


@pytest.mark.parametrize(
    ("address", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)]
)
def test_port_in_use_on_one_loopback_is_named(
    tmp_path: Path, address: str, family: socket.AddressFamily
) -> None:
    env = run_environ(tmp_path)
    with socket.socket(family) as taken:
        taken.bind((address, int(env["WS_PORT"])))
        taken.listen()
        refused = refused_run(env)
    assert (
        refused
        == f"Port {env['WS_PORT']} is in use. Free it, or choose another: WS_PORT=8090 make run"
    )


def refused_run(env: dict[str, str]) -> str:
    """Return the one line with which the launcher ends."""
    ended = subprocess.run(
        [sys.executable, "-m", "local.run"], env=env, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    return line


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        (
            "LOGLEVEL",
            "loud",
            "LOGLEVEL: Input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR', not 'loud'",
        ),
        ("CALLS_MAX", "0", "CALLS_MAX: Input should be greater than or equal to 1, not '0'"),
        (
            "DATABASE_URL",
            "mysql://x",
            "DATABASE_URL: is no address like postgres://user:password@host:5432/name",
        ),
    ],
)
def test_broken_variable_ends_the_run_with_exactly_one_line(
    tmp_path: Path, name: str, value: str, line: str
) -> None:
    assert refused_run(run_environ(tmp_path, **{name: value})) == line


def test_run_needs_neither_home_nor_zone_data_of_the_system(
    lean_environ: dict[str, str], lean_run: str
) -> None:
    assert "demo, password demo" in lean_run
    assert "From the network" not in lean_run
    assert len(get_orders(lean_environ)) == 5
    assert "[info" in (Path(lean_environ["VAR_DIR"]) / "logs" / "site.log").read_text()


def test_run_on_all_addresses_is_safe_and_says_who_can_reach_it(tmp_path: Path) -> None:
    env = run_environ(tmp_path, HOST="::")
    port = env["WS_PORT"]
    with launched(env) as (_process, output):
        hosts = re.findall(rf"http://(\S+):{port}/$", output, re.MULTILINE)
        others = [host for host in hosts if host != "localhost"]
        assert others
        assert "password demo" not in output
        assert "Everybody on the network can reach" in output
        password = re.search(r"user demo, password (\S{16})\n", output)
        assert password
        for host in others:
            status = status_of(f"http://localhost:{port}/admin/login/", host=f"{host}:{port}")
            assert status == 200
        assert status_of(f"http://localhost:{port}/admin/login/", host="elsewhere.example") == 400
        for loopback in ("127.0.0.1", "[::1]"):
            assert status_of(f"http://{loopback}:{port}/orders") == 401
        assert not can_log_in(port, "demo")
        assert can_log_in(port, password[1])
    # On this machine alone, later, the login stays.
    with launched({**env, "HOST": "localhost"}) as (_process, output):
        assert f"user demo, password {password[1]}\n" in output


def status_of(url: str, **headers: str) -> int:
    try:
        request = urllib.request.Request(url, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def can_log_in(port: str, password: str) -> bool:
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar := CookieJar()))
    login = f"http://127.0.0.1:{port}/admin/login/"
    browser.open(login, timeout=60).close()
    token = next(cookie.value or "" for cookie in jar if cookie.name == "csrftoken")
    form = {
        "username": "demo",
        "password": password,
        "next": "/admin/",
        "csrfmiddlewaretoken": token,
    }
    with browser.open(login, urlencode(form).encode(), timeout=60):
        return any(cookie.name == "sessionid" for cookie in jar)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("WS_PORT", "abc", "WS_PORT is 'abc'"),
        ("WS_PORT", "65536", "WS_PORT is '65536'"),
        ("HEALTH_PORT", "0", "HEALTH_PORT is '0'"),
        ("HOST", "203.0.113.1", "no address of this machine"),
        ("HOST", "nowhere.invalid", "which has no address"),
    ],
)
def test_invalid_address_setting_is_named_in_one_line(
    tmp_path: Path, name: str, value: str, message: str
) -> None:
    assert message in refused_run(run_environ(tmp_path, **{name: value}))
