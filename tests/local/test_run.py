"""`make run`'s launcher, as a process: ready, useful, and nothing lost by kill -9."""

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

READY_S = 90.0
SITE_VARIABLES = {"DJANGO_SETTINGS_MODULE", "LOGLEVEL"}


def environ(var: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in SITE_VARIABLES}
    return {**kept, "VAR_DIR": str(var), "WS_PORT": str(free_port()), **more}


@contextmanager
def launched(env: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the launcher; yield it and what it says when it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "local.run"],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process, _until_welcome(process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(timeout=30)
        assert process.stdout is not None
        process.stdout.close()


def _until_welcome(process: subprocess.Popen[str]) -> str:
    said = ""
    deadline = time.monotonic() + READY_S
    assert process.stdout is not None
    while "Ctrl-C" not in said:
        line = process.stdout.readline()
        if not line or time.monotonic() > deadline:
            pytest.fail(f"never ready:\n{said}")
        said += line
    return said


def orders(env: dict[str, str]) -> list[dict[str, object]]:
    with urllib.request.urlopen(f"http://localhost:{env['WS_PORT']}/orders", timeout=10) as answer:
        body = json.load(answer)
    assert body["success"] is True
    assert body["message"] == f"Retrieved {len(body['data'])} orders successfully"
    found: list[dict[str, object]] = body["data"]
    return found


def call(env: dict[str, str], line: str, var: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "call", "--text", line, "--save", str(var / "r.wav")]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_it_says_where_to_go_and_survives_kill_9(tmp_path: Path) -> None:
    # A proxy for the outside world must not come between processes of one machine.
    env = environ(tmp_path, http_proxy="http://127.0.0.1:9", https_proxy="http://127.0.0.1:9")
    with launched(env) as (process, said):
        for place in ("/admin/", "/orders", "user demo", "Hearing:", "Speaking:"):
            assert place in said
        assert len(orders(env)) == 5
        made = call(env, "Cancela el pedido número 2 para Juan Pérez", tmp_path)
        assert made.returncode == 0, made.stderr
        assert "cancelarOrder: ok" in made.stdout
        assert (tmp_path / "r.wav").stat().st_size > 10_000
        before = orders(env)
        process.kill()
    time.sleep(1)  # the kernel ends the children; their ports are free again soon
    with launched(env) as (process, said):
        assert orders(env) == before
        seconds = re.search(r"ready \(([\d.]+) s\)", said)
        assert seconds
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=15) == 0


def test_a_second_run_in_the_same_folder_is_told_so(tmp_path: Path) -> None:
    env = environ(tmp_path)
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


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    env = environ(tmp_path)
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
    ("name", "value", "said"),
    [
        ("WS_PORT", "abc", "WS_PORT is 'abc'"),
        ("WS_PORT", "65536", "WS_PORT is '65536'"),
        ("HEALTH_PORT", "0", "HEALTH_PORT is '0'"),
        ("HOST", "192.0.2.1", "no address of this machine"),
    ],
)
def test_a_broken_address_is_named_in_one_line(
    tmp_path: Path, name: str, value: str, said: str
) -> None:
    env = environ(tmp_path, **{name: value})
    refused = subprocess.run(
        [sys.executable, "-m", "local.run"], env=env, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
    assert said in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
