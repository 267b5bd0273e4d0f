"""The scripts for the data and the deployment: each starts with the project's Python, from any folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.aws import clean_environ
from tests.fixtures.ports import free_port

ROOT = Path(__file__).parents[2]
SCRIPTS = {
    "backup": "backup_tables",
    "restore": "restore_tables",
    "seed-data": "seed_data",
    "diagnose-tables.py": "diagnose_tables",
    "run-migration.sh": "migrate_data",
    "test-migration.py": "test_migration",
}


def run(
    script: Path, *arguments: str, folder: Path | None = None, **environ: str
) -> subprocess.CompletedProcess[str]:
    environ = clean_environ(**environ)
    environ.pop("DJANGO_SETTINGS_MODULE", None)  # the tests' settings name other servers
    return subprocess.run(
        [str(script), *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_explains_the_command(name: str, tmp_path: Path) -> None:
    ended = run(ROOT / "scripts" / name, "--help", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert f"manage.py {SCRIPTS[name]}" in ended.stdout


@pytest.mark.parametrize(
    "name", ["setup-backend.sh", "set-secrets", "site-command", "migrate-site"]
)
def test_help_explains_a_script_for_the_deployment(name: str, tmp_path: Path) -> None:
    ended = run(ROOT / "scripts" / name, "--help", folder=tmp_path, PYTHON=sys.executable)
    assert ended.returncode == 0, ended.stderr
    program = {"migrate-site": "site-command"}.get(name, name)
    assert ended.stdout.startswith(f"usage: {program} ")


@pytest.mark.parametrize("name", ["infra-check", "call", "audit"])
def test_help_explains_a_script_of_make(name: str, tmp_path: Path) -> None:
    ended = run(ROOT / "scripts" / name, "--help", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert f"make {name}" in ended.stdout


def test_command_gets_the_scripts_arguments_and_exit_status(tmp_path: Path) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    ended = run(
        ROOT / "scripts" / "diagnose-tables.py",
        "--json",
        folder=tmp_path,
        DYNAMODB_ENDPOINT_URL=endpoint,
    )
    assert ended.returncode == 2
    assert f'"endpoint": "{endpoint}"' in ended.stdout
    assert ended.stderr.startswith("CommandError: DynamoDB can't be reached")
    assert len(ended.stderr.splitlines()) == 1


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The scripts in a project whose manage.py prints what it is asked, and one variable."""
    (tmp_path / "scripts").mkdir()
    for name in ("manage", *SCRIPTS):
        shutil.copy2(ROOT / "scripts" / name, tmp_path / "scripts" / name)
    (tmp_path / "manage.py").write_text(
        "import os, sys\nprint(*sys.argv[1:], os.environ.get('DYNAMODB_ENDPOINT_URL'))\n"
    )
    return tmp_path


@pytest.mark.parametrize("name", SCRIPTS)
def test_option_local_leads_to_the_running_local_server(copied: Path, name: str) -> None:
    (copied / "var").mkdir()
    (copied / "var" / "local.env").write_text("export DYNAMODB_ENDPOINT_URL=http://local\n")
    ended = run(copied / "scripts" / name, "--local", "--some", "argument with spaces")
    assert ended.stdout == f"{SCRIPTS[name]} --some argument with spaces http://local\n"


def test_option_local_without_a_local_server_says_what_to_do(copied: Path) -> None:
    ended = run(copied / "scripts" / "backup", "--local")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "start the local server with `make run` first" in ended.stderr


def test_environment_decides_without_the_option(copied: Path) -> None:
    ended = run(copied / "scripts" / "backup", DYNAMODB_ENDPOINT_URL="http://elsewhere")
    assert ended.stdout == "backup_tables http://elsewhere\n"


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_manage_without_a_command_explains_itself(arguments: tuple[str, ...]) -> None:
    ended = run(ROOT / "scripts" / "manage", *arguments)
    assert ended.returncode == 0
    assert "usage: manage COMMAND [--local] [ARGUMENT ...]" in ended.stdout


def test_scripts_are_executable() -> None:
    names = ["manage", "setup-backend.sh", "set-secrets", "site-command", "migrate-site", *SCRIPTS]
    assert all(os.access(ROOT / "scripts" / name, os.X_OK) for name in names)
