"""The package installs alone, from its own folder, into an environment that holds nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1]

pytestmark = [pytest.mark.slow]


def test_package_installed_alone_starts_and_lists_its_options(tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    subprocess.run([*pip, "install", "--quiet", "--no-compile", str(PACKAGE)], check=True)
    subprocess.run([*pip, "check"], check=True)
    command = [str(environment / "bin" / "nova-sonic-simulator"), "--help"]
    described = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path)
    assert "--control-port" in described.stdout
    start = [
        str(python),
        "-m",
        "nova_sonic_simulator",
        "--port",
        "0",
        "--certificates",
        str(tmp_path),
    ]
    with subprocess.Popen(
        start, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=tmp_path, text=True
    ) as process:
        assert process.stdout is not None
        assert '"speaking": "tone"' in process.stdout.readline()
        process.terminate()
        assert process.wait(60) == 0
