"""Go holds a conversation, by signer and frames of the AWS SDK for Go v2: tool call, interruption, end.

`make foreign-clients` runs it where Go is installed. The packages come from GOPATH, as Debian's
`golang-github-aws-aws-sdk-go-v2-dev` puts them there (GOPATH=/usr/share/gocode).
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nova_sonic_simulator.testing import RunningSimulator

SOURCE = Path(__file__).parent / "go" / "client.go"

pytestmark = [
    pytest.mark.wire,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(shutil.which("go") is None, reason="Go is not installed"),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the built client."""
    folder = tmp_path_factory.mktemp("go")
    environ = {
        "GO111MODULE": "off",
        "GOPATH": "/usr/share/gocode",
        "GOCACHE": str(folder / "cache"),
        **os.environ,
    }
    build = [shutil.which("go") or "go", "build", "-o", str(folder / "client"), str(SOURCE)]
    subprocess.run(build, env=environ, check=True)
    return folder / "client"


def run(client: Path, simulator: RunningSimulator, secret_key: str) -> dict[str, Any]:
    process = subprocess.run(
        [str(client), simulator.url, str(simulator.ca_file), secret_key],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.stdout, process.stderr[-3000:]
    received: dict[str, Any] = json.loads(process.stdout)
    return received


def test_go_calls_a_tool_and_interrupts(client: Path, simulator: RunningSimulator) -> None:
    received = run(client, simulator, "local")
    assert received["tool"] == "consultarOrder"
    assert json.loads(received["arguments"]) == {"orderId": "1", "dni": "12345678"}
    assert received["audioBytes"] > 0
    assert (received["interrupted"], received["ended"]) == (True, True)


def test_go_with_a_wrong_secret_is_refused(client: Path, simulator: RunningSimulator) -> None:
    assert run(client, simulator, "wrong")["error"] == "InvalidSignatureException"
