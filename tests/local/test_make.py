"""The Makefile and a clone, as users of other habits and systems have them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = "¿cuesta $100? $$ y 'comillas' \"dobles\" `id` # $(shell echo no) \\\\ fin"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with the Makefile, ready environments, and a `scripts/call` that prints."""
    (tmp_path / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    for name in (
        "requirements-local.txt",
        "simulator/pyproject.toml",
        ".venv/bin/python",
        ".venv/.installed-local",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    script = tmp_path / "scripts" / "call"
    script.parent.mkdir()
    script.write_text('#!/bin/sh\nprintf \'%s|%s|%s\' "$TEXT" "$AUDIO" "$SAVE"\n')
    script.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("way", ["argument", "environment"])
def test_make_call_passes_the_text_as_typed(project: Path, way: str) -> None:
    arguments = [f"TEXT={TEXT}", "SAVE=a $1.wav"] if way == "argument" else []
    environ = {} if way == "argument" else {"TEXT": TEXT, "SAVE": "a $1.wav"}

    # `make test` tells the programs that it starts that they run within a make.
    inherited = {name: value for name, value in os.environ.items() if "MAKE" not in name}

    ended = subprocess.run(
        ["make", "call", *arguments],
        cwd=project,
        env={**inherited, **environ},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.stdout, ended.stderr) == (f"{TEXT}||a $1.wav", "")


@pytest.fixture
def windows_clone(tmp_path: Path) -> Path:
    """Return a clone with the settings of Git for Windows: CRLF wherever it is allowed."""
    clone = tmp_path / "clone"
    settings = ["-c", "core.autocrlf=true", "-c", "core.eol=crlf"]
    subprocess.run(["git", *settings, "clone", "--quiet", ROOT, clone], check=True)
    return clone


def test_clone_with_autocrlf_has_unix_line_ends_and_runs(windows_clone: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--eol"], cwd=windows_clone, capture_output=True, text=True, check=True
    ).stdout
    assert "w/lf" in listed
    assert [line for line in listed.splitlines() if "w/crlf" in line or "w/mixed" in line] == []
    for script in (windows_clone / "scripts").iterdir():
        if script.is_file() and script.read_bytes().startswith(b"#!/bin/sh"):
            subprocess.run(["sh", "-n", script], check=True)
    for command in (["make", "-n", "run"], ["scripts/manage", "--help"]):
        ended = subprocess.run(command, cwd=windows_clone, capture_output=True, check=True)
        assert ended.stdout
    check = [sys.executable, "manage.py", "check"]
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "novasonic.settings"}
    subprocess.run(check, cwd=windows_clone, env=environ, capture_output=True, check=True)
