"""scripts/find-python: takes a Python that answers, whatever its name; else says what to do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.wire

SCRIPT = Path(__file__).parents[2] / "scripts" / "find-python"
OLD = "#!/bin/sh\nexit 1\n"  # what an older Python answers, and a shim without its version
GOOD = f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'


def put(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(text)
    program.chmod(0o755)
    return program


def find(tmp_path: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the script where only what the test put there can be found."""
    for tool in ("sh", "env"):
        target = Path("/bin") / tool if (Path("/bin") / tool).exists() else Path("/usr/bin") / tool
        link = tmp_path / "bin" / tool
        link.parent.mkdir(exist_ok=True)
        if not link.exists():
            link.symlink_to(target)
    env = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path), **environ}
    return subprocess.run(
        ["/bin/sh", os.fspath(SCRIPT)], env=env, capture_output=True, text=True, check=False
    )


def test_a_newer_name_is_preferred_to_an_old_python3(tmp_path: Path) -> None:
    put(tmp_path / "bin", "python3", OLD)
    good = put(tmp_path / "bin", "python3.12", GOOD)
    assert find(tmp_path).stdout.strip() == str(good)


def test_a_shim_that_does_not_answer_is_passed_over(tmp_path: Path) -> None:
    put(tmp_path / "bin", "python3.13", OLD)
    good = put(tmp_path / ".pyenv" / "versions" / "3.13.1" / "bin", "python", GOOD)
    assert find(tmp_path).stdout.strip() == str(good)


def test_a_named_python_comes_first(tmp_path: Path) -> None:
    put(tmp_path / "bin", "python3.13", GOOD)
    named = put(tmp_path / "mine", "python", GOOD)
    assert find(tmp_path, PYTHON=str(named)).stdout.strip() == str(named)


def test_python3_will_do_if_it_is_new_enough(tmp_path: Path) -> None:
    good = put(tmp_path / "bin", "python3", GOOD)
    assert find(tmp_path).stdout.strip() == str(good)


def test_without_any_it_says_what_to_do_in_one_line(tmp_path: Path) -> None:
    put(tmp_path / "bin", "python3", OLD)
    found = find(tmp_path)
    assert found.returncode == 1
    assert len(found.stderr.strip().splitlines()) == 1
    assert "Python 3.12" in found.stderr
