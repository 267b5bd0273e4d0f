"""`manage.py`: a foreseen failure ends a command with one line that says what to do."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from django.db import OperationalError

from common.errors import BusyError, NotFoundError, UnavailableError
from novasonic.command_line import describe_failure
from tests.fixtures.ports import free_port
from tests.fixtures.python_processes import run_manage

ROOT = Path(__file__).parents[2]
ACCOUNT = {
    "DJANGO_SETTINGS_MODULE": "novasonic.settings",
    "DJANGO_SECRET_KEY": "only-for-tests-only-for-tests-only-for-tests-only-for-tests",
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_EC2_METADATA_DISABLED": "true",
    "LOGLEVEL": "WARNING",
}


def manage(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "DYNAMODB_"))}
    return run_manage(*arguments, environ={**inherited, **ACCOUNT, **environ})


def only_line(result: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that a failed command printed."""
    assert result.returncode == 1, result
    [line] = (result.stdout + result.stderr).splitlines()
    return line


def test_command_without_dynamodb_ends_with_one_line() -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    line = only_line(manage("create_tables", DYNAMODB_ENDPOINT_URL=endpoint))
    assert "DynamoDB can't be reached" in line
    assert endpoint in line
    assert "Is DYNAMODB_ENDPOINT_URL right" in line


def test_command_on_a_missing_table_names_the_remedy(dynamodb: str) -> None:
    line = only_line(manage("seed_orders", DYNAMODB_ENDPOINT_URL=dynamodb, ORDERS_TABLE="nowhere"))
    assert "A DynamoDB table is missing" in line
    assert "manage.py create_tables" in line


def test_command_without_credentials_ends_with_one_line(tmp_path: Path) -> None:
    nothing = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": str(tmp_path)}
    line = only_line(manage("seed_orders", **nothing))
    assert "There are no AWS credentials" in line
    assert "AWS_ACCESS_KEY_ID" in line


def test_djangos_command_without_a_database_ends_with_one_line() -> None:
    line = only_line(manage("migrate", SQLITE_PATH="/proc/no-folder/site.sqlite3"))
    assert "The SQL database: unable to open database file" in line


COMMANDS = (
    ["serve"],
    ["runserver"],
    ["shell"],
    ["check"],
    ["migrate"],
    ["create_tables"],
    ["call", "--text", "Hola"],
    ["api_token", "demo"],
    ["drain"],
    ["backup_tables"],
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_broken_variable_ends_any_command_with_exactly_one_line(command: list[str]) -> None:
    ended = manage(*command, LOGLEVEL="loud")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        "LOGLEVEL: Input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR', not 'loud'\n"
    )


def test_broken_variables_have_exactly_one_line_each() -> None:
    ended = manage("serve", WS_PORT="0", CALLS_MAX="0", DATABASE_URL="postgres://u:secret@h:p/n")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.splitlines() == [
        "WS_PORT: Input should be greater than or equal to 1, not '0'",
        "DATABASE_URL: is no address like postgres://user:password@host:5432/name",
        "CALLS_MAX: Input should be greater than or equal to 1, not '0'",
    ]


@pytest.mark.parametrize("server", [["daphne", "-p", "0"], ["uvicorn", "--port", "0"]])
def test_broken_variable_ends_any_asgi_server_with_one_line(server: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", *server, "novasonic.asgi:application"],
        cwd=ROOT,
        env={**os.environ, **ACCOUNT, "LOG_FORMAT": "xml"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "LOG_FORMAT: Input should be 'json' or 'console', not 'xml'\n"


def test_option_traceback_shows_where_a_command_failed() -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    result = manage("seed_orders", "--traceback", DYNAMODB_ENDPOINT_URL=endpoint)
    assert result.returncode == 1
    assert "Traceback" in result.stderr
    assert "UnavailableError" in result.stderr


def test_closed_output_ends_a_command_without_a_traceback() -> None:
    command = f"{sys.executable} manage.py help --commands | true"
    result = subprocess.run(
        ["sh", "-c", command],
        cwd=ROOT,
        env={**os.environ, **ACCOUNT},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in result.stderr


@pytest.mark.pure
def test_missing_permission_is_described_in_awss_words() -> None:
    denied = "User: arn:aws:iam::1:user/x is not authorized to perform: dynamodb:Scan"
    cause = ClientError({"Error": {"Code": "AccessDeniedException", "Message": denied}}, "Scan")
    error = UnavailableError(reason="access_denied")
    error.__cause__ = cause
    line = describe_failure(error)
    assert line.startswith("DynamoDB denied the access: ")
    assert denied in line
    assert line.endswith("See the IAM policy of the role or user, and the machine's clock.")


@pytest.mark.pure
@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            OperationalError("no such table: auth_user"),
            "The SQL database: no such table: auth_user. Run `python manage.py migrate`.",
        ),
        (
            BusyError(reason="contention"),
            "Somebody else is changing the same records. Wait: such failures usually end by themselves.",
        ),
        (NotFoundError(), "There is nothing here under that number. (not_found)"),
        (
            ClientError({"Error": {"Code": "NoSuchBucket", "Message": "gone"}}, "PutObject"),
            "AWS: An error occurred (NoSuchBucket) when calling the PutObject operation: gone",
        ),
    ],
)
def test_failure_is_described_in_one_english_line(error: Exception, line: str) -> None:
    assert describe_failure(error) == line


def test_serve_refuses_a_region_without_the_model() -> None:
    line = only_line(manage("serve", AWS_DEFAULT_REGION="sa-east-1"))
    assert "AWS does not offer amazon.nova-2-5-sonic in sa-east-1" in line
    assert "NOVA_SONIC_REGIONS" in line
    assert "ap-northeast-1, eu-north-1, us-east-1, us-west-2" in line


def test_site_starts_in_a_region_without_the_model() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = only_line(
            manage(
                "serve",
                "--only",
                "site",
                AWS_DEFAULT_REGION="sa-east-1",
                HOST="127.0.0.1",
                WS_PORT=port,
            )
        )
    assert port in line  # the site gets as far as its port
