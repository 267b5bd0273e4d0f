"""The examples of `docs/api.md`, run in their order against a running site."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.fixtures.python_processes import run_manage
from tests.fixtures.site import running_site

pytestmark = pytest.mark.wire

ROOT = Path(__file__).parents[2]
EXAMPLE = re.compile(r"^(curl .*?)\n# (\d{3})$", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def examples() -> list[tuple[str, str]]:
    """Return each command of the page with the status below it."""
    page = (ROOT / "docs" / "api.md").read_text()
    return [found for block in BLOCK.findall(page) for found in EXAMPLE.findall(block)]


def manage(environ: dict[str, str], *arguments: str) -> str:
    full = {**os.environ, **environ, "DJANGO_SETTINGS_MODULE": "novasonic.settings"}
    ended = run_manage(*arguments, environ=full)
    ended.check_returncode()
    return ended.stdout.strip()


@pytest.mark.usefixtures("empty_tables")
def test_documented_example_has_the_documented_response(
    tmp_path: Path, stand_in_environ: dict[str, str], subtests: pytest.Subtests
) -> None:
    environ = {
        **stand_in_environ,
        "SQLITE_PATH": str(tmp_path / "site.sqlite3"),
        "BOOKING_HORIZON_DAYS": "36500",  # the examples' dates don't age
    }
    manage(environ, "prepare_demo", "--username", "demo", "--password", "demo")
    token = manage(environ, "api_token", "demo")
    assert len(examples()) >= 15

    with running_site(tmp_path, environ) as site:
        for command, status in examples():
            quiet = command.replace("curl ", "curl -s -o /dev/null -w '%{http_code}' ", 1)
            response = subprocess.run(
                ["bash", "-c", quiet],
                env={**os.environ, "API": site.url, "TOKEN": token},
                capture_output=True,
                text=True,
                check=True,
            )
            with subtests.test(command=command[:60]):
                assert response.stdout == status
