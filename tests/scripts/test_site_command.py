"""`scripts/site-command` and `scripts/migrate-site` on a local AWS, whose tasks end without running."""

import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.aws import LocalAWS
from tests.scripts.loading import load_script

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 120.0


class Deployment:
    """Cluster, task definition, network and log group as Terraform makes them."""

    def __init__(self, aws: LocalAWS, folder: Path) -> None:
        self.aws = aws
        self.ecs, self.logs = aws.client("ecs"), aws.client("logs")
        self.log_group = f"/ecs/{aws.prefix}/migrate"
        self._outputs = folder / "outputs.json"
        network = aws.create_network()
        self.logs.create_log_group(logGroupName=self.log_group)
        place = {
            "task_definition": aws.register_task("migrate"),
            "subnets": network["subnets"],
            "security_groups": network["securityGroups"],
            "log_group": self.log_group,
        }
        outputs = {"region": "us-east-1", "cluster": aws.prefix, "migration": place}
        self._outputs.write_text(json.dumps({n: {"value": v} for n, v in outputs.items()}))

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        options = ["--outputs", str(self._outputs), "--poll", "0.05"]
        return subprocess.run(
            [str(ROOT / "scripts" / script), *options, *arguments],
            env={"PATH": "/usr/bin:/bin", "PYTHON": sys.executable, **self.aws.environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )

    def tasks(self) -> list[dict[str, Any]]:
        arns = self.ecs.list_tasks(cluster=self.aws.prefix)["taskArns"]
        arns += self.ecs.list_tasks(cluster=self.aws.prefix, desiredStatus="STOPPED")["taskArns"]
        found = self.ecs.describe_tasks(cluster=self.aws.prefix, tasks=arns) if arns else {}
        return list(found.get("tasks", []))

    @contextmanager
    def container_that_prints(self, *lines: str) -> Iterator[None]:
        """Write a log stream for the task as soon as there is one."""

        def write() -> None:
            deadline = time.monotonic() + TIMEOUT_S
            while not (arns := self.ecs.list_tasks(cluster=self.aws.prefix)["taskArns"]):
                assert time.monotonic() < deadline
                time.sleep(0.02)  # another process starts the task
            stream = f"migrate/migrate/{arns[0].rpartition('/')[2]}"
            self.logs.create_log_stream(logGroupName=self.log_group, logStreamName=stream)
            now = int(time.time() * 1000)
            events = [{"timestamp": now + n, "message": line} for n, line in enumerate(lines)]
            self.logs.put_log_events(
                logGroupName=self.log_group, logStreamName=stream, logEvents=events
            )

        thread = threading.Thread(target=write)
        thread.start()
        yield
        thread.join()


@pytest.fixture
def deployment(local_aws: LocalAWS, tmp_path: Path) -> Deployment:
    return Deployment(local_aws, tmp_path)


@pytest.fixture
def slow_tasks(local_aws: LocalAWS) -> Iterator[None]:
    """Let a task go to its next state after several looks, as a real one does."""

    def post(path: str, body: dict[str, Any]) -> None:
        url = f"{local_aws.environ['AWS_ENDPOINT_URL']}/moto-api/state-manager/{path}"
        data = json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=60).close()

    transition = {"progression": "manual", "times": 5}
    post("set-transition", {"model_name": "ecs::task", "transition": transition})
    yield
    post("unset-transition", {"model_name": "ecs::task"})


def test_migration_runs_as_a_task_in_the_private_network(
    deployment: Deployment, slow_tasks: None
) -> None:
    with deployment.container_that_prints("Applying auth.0001_initial... OK", "done"):
        ended = deployment.run("migrate-site")

    assert ended.returncode == 0, ended.stderr
    first, *printed = ended.stdout.splitlines()
    assert first.endswith("started: manage.py migrate --no-input")
    assert printed == ["Applying auth.0001_initial... OK", "done"]
    (task,) = deployment.tasks()
    (override,) = task["overrides"]["containerOverrides"]
    assert override["command"] == ["python", "manage.py", "migrate", "--no-input"]
    assert task["launchType"] == "FARGATE"


def test_command_and_its_options_are_passed_on(deployment: Deployment) -> None:
    ended = deployment.run("site-command", "invite_staff", "ana", "--superuser")

    assert ended.returncode == 0, ended.stderr
    assert "manage.py invite_staff ana --superuser" in ended.stdout


def test_command_is_required(deployment: Deployment) -> None:
    ended = deployment.run("site-command")

    assert ended.returncode == 2
    assert "which command?" in ended.stderr


def test_unknown_cluster_ends_with_one_line(deployment: Deployment, tmp_path: Path) -> None:
    outputs = json.loads((tmp_path / "outputs.json").read_text())
    outputs["cluster"]["value"] = "nowhere"
    (tmp_path / "outputs.json").write_text(json.dumps(outputs))

    ended = deployment.run("migrate-site")

    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("AWS: ")


@pytest.mark.parametrize(
    ("container", "status"),
    [({"exitCode": 0}, 0), ({"exitCode": 3}, 3), ({"reason": "CannotPullContainerError"}, 1)],
)
def test_exit_status_is_the_containers(
    container: dict[str, Any], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    script = load_script("infrastructure/site_command")
    task = {"containers": [{"name": "migrate", **container}], "stoppedReason": "Task failed"}

    assert script.exit_status(task) == status
    assert ("CannotPullContainerError" in capsys.readouterr().err) is (status == 1)
