"""The AWS SDK for JavaScript v3 holds a conversation: tool call, interruption, orderly end."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nova_sonic_simulator.testing import RunningSimulator

CLIENT = Path(__file__).parent / "javascript"

# The first run installs 60 packages, which on a busy machine takes minutes.
pytestmark = [pytest.mark.wire, pytest.mark.node, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def client() -> list[str]:
    """Return the command of the client, whose packages are installed from its lock file."""
    if not (CLIENT / "node_modules" / ".package-lock.json").exists():
        npm = shutil.which("npm") or "npm"
        install = [npm, "ci", "--silent", "--no-audit", "--no-fund"]
        subprocess.run(install, cwd=CLIENT, check=True)
    return [shutil.which("node") or "node", str(CLIENT / "client.js")]


def run(client: list[str], simulator: RunningSimulator, secret_key: str) -> dict[str, Any]:
    process = subprocess.run(
        [*client, simulator.url, secret_key],
        env={**os.environ, "NODE_EXTRA_CA_CERTS": str(simulator.ca_file)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.stdout, process.stderr
    received: dict[str, Any] = json.loads(process.stdout)
    return received


def test_javascript_sdk_calls_a_tool_and_interrupts(
    client: list[str], simulator: RunningSimulator
) -> None:
    received = run(client, simulator, "local")
    assert received["tool"] == {
        "name": "consultarOrder",
        "arguments": {"orderId": "1", "dni": "12345678"},
    }
    assert received["spoken"][0] == "Tu pedido 1 está en camino."
    assert received["audioBytes"] > 0
    assert (received["interrupted"], received["ended"]) == (True, True)


def test_javascript_sdk_with_a_wrong_secret_is_refused(
    client: list[str], simulator: RunningSimulator
) -> None:
    assert run(client, simulator, "wrong")["error"] == "InvalidSignatureException"
