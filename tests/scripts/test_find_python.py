"""scripts/find-python: finds a Python that works, whatever its name, or explains what to install."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.wire

SCRIPT = Path(__file__).parents[2] / "scripts" / "find-python"
OLD = "#!/bin/sh\nexit 1\n"  # what an older Python answers, and a shim without its version
GOOD = f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'
CURRENT = "{}.{}".format(*sys.version_info)


def install(folder: Path, name: str, text: str) -> Path:
    """Write an executable and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(text)
    program.chmod(0o755)
    return program


def run_script(tmp_path: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the script where it finds only what the test installed."""
    for tool in ("sh", "env"):
        target = Path("/bin") / tool if (Path("/bin") / tool).exists() else Path("/usr/bin") / tool
        link = tmp_path / "bin" / tool
        link.parent.mkdir(exist_ok=True)
        if not link.exists():
            link.symlink_to(target)
    env = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path), **environ}
    command = ["/bin/sh", os.fspath(SCRIPT), *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_newer_name_is_preferred_to_an_old_python3(tmp_path: Path) -> None:
    install(tmp_path / "bin", "python3", OLD)
    good = install(tmp_path / "bin", "python3.12", GOOD)
    assert run_script(tmp_path).stdout.strip() == str(good)


def test_shim_that_fails_is_skipped(tmp_path: Path) -> None:
    install(tmp_path / "bin", "python3.13", OLD)
    good = install(tmp_path / ".pyenv" / "versions" / "3.13.1" / "bin", "python", GOOD)
    assert run_script(tmp_path).stdout.strip() == str(good)


def test_named_python_comes_first(tmp_path: Path) -> None:
    install(tmp_path / "bin", "python3.13", GOOD)
    named = install(tmp_path / "mine", "python", GOOD)
    assert run_script(tmp_path, PYTHON=str(named)).stdout.strip() == str(named)


def test_python3_is_accepted_if_it_is_new_enough(tmp_path: Path) -> None:
    good = install(tmp_path / "bin", "python3", GOOD)
    assert run_script(tmp_path).stdout.strip() == str(good)


def test_missing_python_is_explained_in_one_line(tmp_path: Path) -> None:
    install(tmp_path / "bin", "python3", OLD)
    found = run_script(tmp_path)
    assert found.returncode == 1
    assert len(found.stderr.strip().splitlines()) == 1
    assert "Python 3.12" in found.stderr


def test_wanted_version_is_found_under_any_name(tmp_path: Path) -> None:
    good = install(tmp_path / "bin", "python3", GOOD)
    assert run_script(tmp_path, CURRENT).stdout.strip() == str(good)


def test_other_version_than_the_wanted_one_is_refused(tmp_path: Path) -> None:
    install(tmp_path / "bin", "python3.99", GOOD)  # the name does not prove the version
    found = run_script(tmp_path, "3.99")
    assert found.returncode == 1
    assert "Python 3.99" in found.stderr
