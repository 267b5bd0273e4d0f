"""The Dockerfile and docker-compose.yaml hold together; `make check-image` runs the instructions."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from novasonic.settings import Environment
from tests.fixtures.aws import PYTHON
from tests.scripts.loading import load_script

ROOT = Path(__file__).parents[2]
AWS_VARIABLES = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED"}

dockerfile = load_script("infrastructure/dockerfile")


@pytest.fixture(scope="module")
def stages() -> dict[str, Any]:
    found: dict[str, Any] = dockerfile.parse((ROOT / "Dockerfile").read_text())
    return found


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())
    return loaded


# --- The image


def test_base_is_pinned_by_its_digest(stages: dict[str, Any]) -> None:
    bases = {stage.base for stage in stages.values()} - stages.keys()

    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.13-slim@sha256:[0-9a-f]{64}", bases.pop())


def test_server_is_the_last_stage_and_needs_no_command_of_its_own(stages: dict[str, Any]) -> None:
    assert list(stages)[-1] == "server"
    assert stages["server"].values("RUN") == []  # files only: nothing of a build can stay


def test_every_production_package_is_copied(stages: dict[str, Any]) -> None:
    packages = load_script("infrastructure/build_lambda").PACKAGES
    production = {path.parent.name for path in ROOT.glob("*/apps.py")} | set(packages)
    copied = " ".join(stages["build"].values("COPY"))

    assert {name for name in production if f"{name} ./{name}" not in copied} == set()


def test_container_of_terraform_has_the_images_health_check() -> None:
    assert "/health" in (ROOT / "Dockerfile").read_text()
    assert "/health" in (ROOT / "terraform" / "ecs.tf").read_text()


@pytest.mark.parametrize(
    ("path", "is_ignored"),
    [
        ("manage.py", False),
        ("voice/web/static/voice/call.js", False),
        ("scripts/compile-messages.py", False),
        ("scripts/infra-check", True),
        ("tests/conftest.py", True),
        ("var/secret-key", True),
        (".git/config", True),
        ("terraform/terraform.tfvars", True),
        ("simulator/src/x.py", False),
        ("simulator/tests/x.py", True),
        ("orders/__pycache__/x.pyc", True),
    ],
)
def test_only_what_the_image_needs_is_sent_to_the_build(path: str, is_ignored: bool) -> None:
    ignore = dockerfile.DockerIgnore((ROOT / ".dockerignore").read_text())

    assert ignore.matches(path) is is_ignored


# --- The reader of Dockerfiles


def test_instructions_are_read_over_several_lines() -> None:
    stages = dockerfile.parse("# c\nFROM a AS b\nRUN one \\\n  # between\n  && two\n")

    assert stages["b"].values("RUN") == ["one && two"]


@pytest.mark.parametrize(
    ("command", "translated"),
    [
        ("/venv/bin/python -m x /app/var", "/r/venv/bin/python -m x /r/app/var"),
        ("curl https://example.com/app", "curl https://example.com/app"),
        ("cat ./app/x scripts/app /tmp/x", "cat ./app/x scripts/app /tmp/x"),
    ],
)
def test_absolute_paths_are_translated(command: str, translated: str) -> None:
    stage = dockerfile.Stage("s", "b", folder=Path("/r"))

    assert stage.translated(command) == translated


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("RUN true\n", "before the first FROM"),
        ("FROM a AS s\nADD x /x\n", "unknown instruction ADD"),
        ("FROM a AS s\nCOPY nothing ./\n", "nothing is missing"),
        ("FROM a AS s\nRUN echo why; false\n", "why"),
        ("FROM a AS s\nCMD python manage.py\n", "no exec form"),
    ],
)
def test_faulty_dockerfile_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(text)
    (context / ".dockerignore").write_text("")

    with pytest.raises(dockerfile.DockerfileError, match=problem):
        dockerfile.Builder(context, tmp_path / "build", Path("/usr/bin/python3")).build("s")


# --- docker-compose.yaml


def test_services_are_stages_or_pinned_images(
    compose: dict[str, Any], stages: dict[str, Any]
) -> None:
    for service in compose["services"].values():
        if "build" in service:
            assert service["build"]["target"] in stages
        else:
            assert re.search(r":\d+\.\d+", service["image"])
        assert service["cap_drop"] == ["ALL"]


def test_variables_of_the_server_are_known(compose: dict[str, Any]) -> None:
    variables = compose["services"]["server"]["environment"]

    assert set(variables) <= Environment.model_fields.keys() | AWS_VARIABLES
    assert all(isinstance(value, str) for value in variables.values())


def test_commands_and_references_exist(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for service in services.values():
        assert set(service.get("depends_on", [])) <= services.keys()
        mounted = {volume.partition(":")[0] for volume in service.get("volumes", [])}
        assert mounted <= compose["volumes"].keys()
        command = service.get("command", [])
        if "manage.py" in command:
            assert command[command.index("manage.py") + 1] in get_commands()


def test_ports_are_open_to_this_machine_only(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize(
    ("written", "read_as", "status"),
    [("cap_drop:", "cap_drop:", 0), ("cap_drop:", "cap_drops:", 1)],
    ids=["as it is", "with a misspelt key"],
)
def test_file_follows_the_compose_specification(
    tmp_path: Path, written: str, read_as: str, status: int
) -> None:
    file = tmp_path / "docker-compose.yaml"
    file.write_text((ROOT / "docker-compose.yaml").read_text().replace(written, read_as))

    schema = ["--builtin-schema", "vendor.compose-spec"]
    check = [str(PYTHON), "-m", "check_jsonschema", *schema, str(file)]
    ended = subprocess.run(check, capture_output=True, text=True, check=False)

    assert ended.returncode == status, ended.stdout + ended.stderr
