"""Settings that depend on several environment variables, read by a process of their own."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import django
from django.conf import settings
django.setup()
print(settings.LEGACY_CLIENTS, settings.API_JWT_JWKS_URL)
"""


def setup(**variables: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "novasonic.settings", **variables}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environ, capture_output=True, text=True, check=False
    )


def test_issuer_without_audiences_stops_the_start() -> None:
    ended = setup(API_JWT_ISSUER="https://issuer.example")

    assert ended.returncode == 1
    assert "API_JWT_ISSUER needs API_JWT_AUDIENCES" in ended.stderr


def test_issuer_without_key_address_gets_the_usual_one() -> None:
    ended = setup(API_JWT_ISSUER="https://issuer.example/", API_JWT_AUDIENCES="us")

    assert ended.stdout.split() == ["True", "https://issuer.example/.well-known/jwks.json"]


@pytest.mark.parametrize("name", ["LEGACY_CLIENTS", "EARLIER_CLIENTS"])
def test_old_variable_sets_the_setting_and_logs_once(name: str) -> None:
    ended = setup(**{name: "false", "LOG_FORMAT": "json"})

    assert ended.stdout.split() == ["False"]
    lines = ended.stderr.splitlines()
    assert len(lines) == (name == "EARLIER_CLIENTS")
    assert all('"event": "environment variable deprecated"' in line for line in lines)
