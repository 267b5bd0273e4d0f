"""Run the launcher of `make run` as a process."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fixtures.ports import free_port

pytestmark = [pytest.mark.wire, pytest.mark.timeout(180)]

READY_TIMEOUT_S = 90.0
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
        process.wait(timeout=30)
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
        f"http://localhost:{env['WS_PORT']}/orders", timeout=10
    ) as response:
        body = json.load(response)
    assert body["success"] is True
    assert body["message"] == f"Retrieved {len(body['data'])} orders successfully"
    orders: list[dict[str, object]] = body["data"]
    return orders


def call(env: dict[str, str], text: str, var: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "call", "--text", text, "--save", str(var / "r.wav")]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_restart_after_kill_9_keeps_acknowledged_data(tmp_path: Path) -> None:
    # An HTTP proxy for the internet must not be used between processes of one machine.
    env = run_environ(tmp_path, http_proxy="http://127.0.0.1:9", https_proxy="http://127.0.0.1:9")
    with launched(env) as (process, output):
        for place in ("/admin/", "/orders", "user demo", "Hearing:", "Speaking:"):
            assert place in output
        assert len(get_orders(env)) == 5
        cancelled = call(env, "Cancela el pedido número 2 para Juan Pérez", tmp_path)
        assert cancelled.returncode == 0, cancelled.stderr
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
        assert process.wait(timeout=15) == 0


def test_second_run_in_the_same_folder_exits(tmp_path: Path) -> None:
    env = run_environ(tmp_path)
    with launched(env):
        second = subprocess.run(
            [sys.executable, "-m", "local.run"],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
    assert second.returncode == 1
    assert "already running" in second.stderr


def test_port_in_use_is_named(tmp_path: Path) -> None:
    env = run_environ(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(env["WS_PORT"])))
        taken.listen()
        refused = subprocess.run(
            [sys.executable, "-m", "local.run"],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
    assert refused.returncode == 1
    assert f"Port {env['WS_PORT']} is in use" in refused.stderr


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("WS_PORT", "abc", "WS_PORT is 'abc'"),
        ("WS_PORT", "65536", "WS_PORT is '65536'"),
        ("HEALTH_PORT", "0", "HEALTH_PORT is '0'"),
        ("HOST", "192.0.2.1", "no address of this machine"),
    ],
)
def test_invalid_address_setting_is_named_in_one_line(
    tmp_path: Path, name: str, value: str, message: str
) -> None:
    env = run_environ(tmp_path, **{name: value})
    refused = subprocess.run(
        [sys.executable, "-m", "local.run"], env=env, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
    assert message in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
