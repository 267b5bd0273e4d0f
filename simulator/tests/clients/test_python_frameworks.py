"""Strands, LiveKit and pipecat hold a conversation: tool call and interruption, by coded speech."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nova_sonic_simulator.testing import run_simulator

CLIENTS = Path(__file__).parent / "python"
ENVIRONMENTS = Path(os.environ["FOREIGN_CLIENTS"]).absolute()
CALL = {"name": "look_up_order", "arguments": {"order_id": "7"}}

# A framework is a third of a gigabyte; a busy machine needed more than 15 minutes to install one.
pytestmark = [pytest.mark.wire, pytest.mark.slow, pytest.mark.timeout(3600)]


def environment(name: str) -> Path:
    """Return the interpreter of the framework's environment, made if it is missing or outdated."""
    requirements = CLIENTS / f"requirements-{name}.txt"
    folder = ENVIRONMENTS / name
    python, installed = folder / "bin" / "python", folder / "requirements.txt"
    wanted = requirements.read_text()
    if not installed.exists() or installed.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", str(requirements)], check=True)
        installed.write_text(wanted)
    return python


@pytest.mark.parametrize("name", ["strands", "livekit", "pipecat"])
def test_framework_calls_a_tool_and_interrupts(name: str, tmp_path: Path) -> None:
    python = environment(name)
    with run_simulator(tmp_path, "--hearing", "coded") as simulator:
        asyncio.run(simulator.command("script", when="17", say=[], tools=[CALL]))
        process = subprocess.run(
            [str(python), str(CLIENTS / f"{name}_client.py")],
            cwd=CLIENTS,
            env={
                **os.environ,
                "SIMULATOR_URL": simulator.url,
                "SIMULATOR_CA_FILE": str(simulator.ca_file),
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert process.stdout, process.stderr[-3000:]
        found: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
        (session,) = asyncio.run(simulator.sessions())
    assert found["tool"] == CALL
    assert found["audio"] > 0
    assert found["interrupted"]
    assert session["numbers"][0] == "17"
    assert session["failure"] is None
    assert [use["name"] for use in session["tool_uses"]] == ["look_up_order"]
    assert len(session["tool_results"]) == 1
