"""Load mode: many sessions, each answered with audio in turns."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.events import audio_input, opening
from support.raw_client import RawClient

pytestmark = pytest.mark.wire

SESSIONS = 20


def start(folder: Path, *options: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    command = [sys.executable, "-m", "nova_sonic_simulator", "load", "--certificates", str(folder)]
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


async def converse(client: RawClient) -> None:
    stream = client.open()
    await stream.send(*opening(), audio_input())
    assert (await stream.until("textOutput"))["role"] == "USER"
    await stream.until("audioOutput")
    await stream.until("contentEnd", type="AUDIO", stopReason="END_TURN")
    await stream.send({"sessionEnd": {}})
    while await stream.next_message() is not None:
        pass


async def test_many_sessions_get_their_turns_and_are_counted(tmp_path: Path) -> None:
    process, ready = start(tmp_path, "--listen-s", "0.1", "--reply-s", "0.3")
    try:
        async with (
            RawClient(ready["url"], Path(ready["ca_file"]), patience_s=60) as client,
            asyncio.TaskGroup() as tasks,
        ):
            for _ in range(SESSIONS):
                tasks.create_task(converse(client))
    finally:
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    last = json.loads(out.splitlines()[-1])
    assert (last["sessions"], last["frames_received"]) == (0, SESSIONS)
    assert last["frames_sent"] >= SESSIONS * 9


def test_port_in_use_ends_with_status_2(tmp_path: Path) -> None:
    process, ready = start(tmp_path)
    port = ready["url"].rpartition(":")[2]
    command = [sys.executable, "-m", "nova_sonic_simulator", "load", "--port", port]
    second = subprocess.run(
        [*command, "--certificates", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    process.terminate()
    process.communicate(timeout=60)
    assert second.returncode == 2
    assert second.stderr.startswith(f"Port {port} can't be used")
