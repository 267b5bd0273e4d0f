"""Settings that depend on several environment variables, read by a process of their own."""

import os
import subprocess
from pathlib import Path

import pytest
from django.apps import apps
from pytest_django.fixtures import Settings

from tests.fixtures.python_processes import run_manage

PROGRAM = """
from django.conf import settings
print(settings.LEGACY_CLIENTS, settings.API_JWT_JWKS_URL)
"""


def setup(**variables: str) -> subprocess.CompletedProcess[str]:
    return manage("shell", "--no-imports", "-c", PROGRAM, **variables)


def test_issuer_without_audiences_stops_the_start() -> None:
    ended = setup(API_JWT_ISSUER="https://issuer.example")

    assert ended.returncode == 1
    assert "API_JWT_AUDIENCES: needed beside API_JWT_ISSUER" in ended.stderr


def test_issuer_without_key_address_gets_the_usual_one() -> None:
    ended = setup(API_JWT_ISSUER="https://issuer.example/", API_JWT_AUDIENCES="us")

    assert ended.stdout.split() == ["False", "https://issuer.example/.well-known/jwks.json"]


@pytest.mark.parametrize("name", ["LEGACY_CLIENTS", "EARLIER_CLIENTS"])
def test_old_variable_sets_the_setting_and_logs_once(name: str) -> None:
    ended = setup(**{name: "true", "LOG_FORMAT": "json"})

    assert ended.stdout.split() == ["True"]
    lines = ended.stderr.splitlines()
    assert len(lines) == (name == "EARLIER_CLIENTS")
    assert all('"event": "environment variable deprecated"' in line for line in lines)


PRODUCTION = {
    "DJANGO_SECRET_KEY": "only-for-tests-0123456789-0123456789-0123456789-0123456789",
    "SITE_URL": "https://voz.example.com",
    "PROXIES": "1",
    "DATABASE_URL": "postgres://site:secret@database.example.com:5432/site?sslmode=require",
}


def manage(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "novasonic.settings", **variables}
    return run_manage(*arguments, environ=environ)


def test_documented_production_settings_pass_the_deployment_check() -> None:
    ended = manage("check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)

    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    ("variables", "warning"),
    [
        ({"SITE_URL": "http://voz.example.com"}, "security.W012"),
        ({"SITE_URL": ""}, "security.W016"),
        ({"HSTS_SECONDS": "0"}, "security.W004"),
        ({"DEBUG": "true"}, "security.W018"),
    ],
)
def test_other_settings_fail_the_deployment_check(variables: dict[str, str], warning: str) -> None:
    ended = manage("check", "--deploy", "--fail-level", "WARNING", **{**PRODUCTION, **variables})

    assert ended.returncode == 1
    assert warning in ended.stderr


@pytest.mark.parametrize("command", ["migrate", "create_tables", "serve", "check"])
def test_broken_environment_ends_a_command_with_one_line_a_variable(command: str) -> None:
    ended = manage(command, DJANGO_SECRET_KEY="x", PROXIES="many")

    assert ended.returncode == 1
    lines = ended.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["DJANGO_SECRET_KEY", "PROXIES"]


def test_traceback_of_a_command_is_shown_on_request() -> None:
    ended = manage("migrate", "--traceback", PROXIES="many")

    assert "Traceback" in ended.stderr


def test_migrate_creates_the_folder_of_the_sqlite_database(tmp_path: Path) -> None:
    file = tmp_path / "not" / "there" / "site.sqlite3"

    ended = manage("migrate", "--no-input", SQLITE_PATH=str(file))

    assert (ended.returncode, file.exists()) == (0, True), ended.stderr


def test_missing_translations_are_logged_with_a_remedy(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    messages = tmp_path / "es" / "LC_MESSAGES"
    messages.mkdir(parents=True)
    (messages / "django.po").touch()
    settings.LOCALE_PATHS = [tmp_path]

    apps.get_app_config("novasonic").ready()

    (record,) = caplog.records
    assert record.getMessage() == "translations not compiled"
    assert "make translations" in vars(record)["remedy"]

    (messages / "django.mo").touch()
    caplog.clear()
    apps.get_app_config("novasonic").ready()
    assert caplog.records == []
