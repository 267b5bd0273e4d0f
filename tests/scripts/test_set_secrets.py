"""`scripts/set-secrets` on a local AWS."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from novasonic.settings import Environment
from tests.fixtures.aws import LocalAWS

ROOT = Path(__file__).parents[2]
NAMES = ("django-secret-key", "api-jwt-secret", "metrics-token")


class Stack:
    """The secrets that Terraform has made, without values, and the script for them."""

    def __init__(self, aws: LocalAWS, folder: Path) -> None:
        self.client = aws.client("secretsmanager")
        self._aws = aws
        self._outputs = folder / "outputs.json"
        arns = {
            name: self.client.create_secret(Name=f"{aws.prefix}/{name}")["ARN"] for name in NAMES
        }
        outputs = {"secrets": {"value": arns}}
        self._outputs.write_text(json.dumps(outputs))

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        script = str(ROOT / "scripts" / "set-secrets")
        return subprocess.run(
            [script, "--outputs", str(self._outputs), *arguments],
            env={"PATH": "/usr/bin:/bin", "PYTHON": sys.executable, **self._aws.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
        )

    def values(self) -> dict[str, str]:
        return {
            name: self.client.get_secret_value(SecretId=f"{self._aws.prefix}/{name}")[
                "SecretString"
            ]
            for name in NAMES
        }


@pytest.fixture
def stack(local_aws: LocalAWS, tmp_path: Path) -> Stack:
    return Stack(local_aws, tmp_path)


def test_each_secret_gets_a_value_of_its_own_that_the_settings_accept(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = stack.run()

    assert ended.returncode == 0, ended.stderr
    assert [line.rpartition(": ")[2] for line in ended.stdout.splitlines()] == ["set"] * 3
    values = stack.values()
    assert len(set(values.values())) == len(NAMES)
    assert not any(value in ended.stdout + ended.stderr for value in values.values())
    monkeypatch.setenv("DJANGO_SECRET_KEY", values["django-secret-key"])
    monkeypatch.setenv("API_JWT_SECRET", values["api-jwt-secret"])
    Environment()


def test_second_run_changes_nothing(stack: Stack) -> None:
    stack.run()
    values = stack.values()

    ended = stack.run()

    assert [line.rpartition(": ")[2] for line in ended.stdout.splitlines()] == ["has a value"] * 3
    assert stack.values() == values


def test_only_the_named_secret_is_replaced(stack: Stack) -> None:
    stack.run()
    before = stack.values()

    assert stack.run("--replace", "metrics-token").returncode == 0

    after = stack.values()
    assert {name for name in NAMES if after[name] != before[name]} == {"metrics-token"}


def test_unknown_secret_is_refused(stack: Stack) -> None:
    ended = stack.run("--replace", "password")

    assert ended.returncode == 1
    assert "No secret password" in ended.stderr


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        (
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"},
            "AWS: Could not connect",
        ),
        (
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
            "AWS: Unable to locate credentials",
        ),
    ],
)
def test_failure_ends_with_one_line(stack: Stack, environ: dict[str, str], message: str) -> None:
    ended = stack.run(**environ)

    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith(message)


def test_missing_outputs_end_with_one_line(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "outputs.json").write_text("{}")

    ended = stack.run()

    assert ended.returncode == 1
    assert ended.stderr == "Terraform has no outputs yet: run `terraform apply` first.\n"
