"""Protection and draining of a task in ECS: a local agent, and ECS as moto plays it."""

import json
import logging
import threading
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from novasonic.ecs import PROTECTION_MINUTES, RETRY_S, ECSTask
from tests.fixtures.aws import LocalAWS
from tests.fixtures.site import Site, SiteRunner
from tests.fixtures.voice_clients import open_client, open_socket

pytestmark = pytest.mark.wire

PROTECTED = {"ProtectionEnabled": True, "ExpiresInMinutes": PROTECTION_MINUTES}
UNPROTECTED = {"ProtectionEnabled": False}


class Agent:
    """The agent's two endpoints: task protection and task metadata."""

    def __init__(self) -> None:
        self.states: list[dict[str, Any]] = []
        self.answer: tuple[int, dict[str, Any]] = (200, {"protection": {}})
        self.metadata: dict[str, Any] = {}
        agent = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                assert self.path == "/api/task-protection/v1/state"
                body = self.rfile.read(int(self.headers["Content-Length"]))
                agent.states.append(json.loads(body))
                self._send(*agent.answer)

            def do_GET(self) -> None:
                assert self.path == "/v4/task"
                self._send(200, agent.metadata)

            def _send(self, status: int, body: dict[str, Any]) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def environ(self) -> dict[str, str]:
        """What ECS puts into a container's environment."""
        url = f"http://127.0.0.1:{self.server.server_port}"
        return {"ECS_AGENT_URI": f"{url}/api", "ECS_CONTAINER_METADATA_URI_V4": f"{url}/v4"}


@pytest.fixture
def agent() -> Iterator[Agent]:
    agent = Agent()
    with agent.server as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield agent
        server.shutdown()
        thread.join()


@pytest.fixture
def task(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> ECSTask:
    for name, value in agent.environ.items():
        monkeypatch.setenv(name, value)
    found = ECSTask.from_environment("us-east-1")
    assert found is not None
    return found


def test_process_outside_ecs_has_no_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ECS_AGENT_URI", raising=False)

    assert ECSTask.from_environment("us-east-1") is None


def test_task_is_protected_from_the_first_call_to_the_last(agent: Agent, task: ECSTask) -> None:
    for now, calls in enumerate([0, 1, 3, 1, 0, 0, 2]):
        task.update_protection(active_calls=calls, now=now)

    assert agent.states == [PROTECTED, UNPROTECTED, PROTECTED]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((200, {"failure": {"Reason": "DEPLOYMENT_BLOCKED"}}), "DEPLOYMENT_BLOCKED"),
        ((403, {"error": {"Code": "AccessDeniedException"}}), "AccessDeniedException"),
        ((500, {}), "HTTP 500"),
    ],
)
def test_refused_protection_is_logged_and_retried_later(
    agent: Agent,
    task: ECSTask,
    caplog: pytest.LogCaptureFixture,
    answer: tuple[int, dict[str, Any]],
    reason: str,
) -> None:
    agent.answer = answer
    with caplog.at_level(logging.WARNING):
        for now in (0, RETRY_S - 1):
            task.update_protection(active_calls=1, now=now)
    (record,) = caplog.records
    assert reason in record.__dict__["reason"]
    assert not task.is_protected

    agent.answer = (200, {})
    task.update_protection(active_calls=1, now=RETRY_S)

    assert agent.states == [PROTECTED] * 2
    assert task.is_protected


def test_agent_that_does_not_answer_is_no_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = ECSTask(
        agent_url="http://127.0.0.1:1", metadata_url="http://127.0.0.1:1", region="us-east-1"
    )

    nowhere.update_protection(active_calls=1, now=0)

    assert not nowhere.is_stopping()
    assert [record.message for record in caplog.records] == [
        "task protection failed",
        "task status unknown",
    ]


class Cluster:
    """A running task in the local AWS."""

    def __init__(self, aws: LocalAWS) -> None:
        self._ecs, self._name = aws.client("ecs"), aws.prefix
        started = self._ecs.run_task(
            cluster=self._name,
            taskDefinition=aws.register_task("voice"),
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": aws.create_network()},
        )
        self.arn = started["tasks"][0]["taskArn"]
        self.metadata = {"Cluster": self._name, "TaskARN": self.arn}

    def stop_task(self) -> None:
        self._ecs.stop_task(cluster=self._name, task=self.arn)


@pytest.fixture
def cluster(agent: Agent, local_aws: LocalAWS, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECS", local_aws.environ["AWS_ENDPOINT_URL"])
    cluster = Cluster(local_aws)
    agent.metadata = cluster.metadata
    return cluster


def test_task_is_stopping_when_ecs_says_so(task: ECSTask, cluster: Cluster) -> None:
    assert not task.is_stopping()

    cluster.stop_task()

    assert task.is_stopping()


async def test_server_protects_its_task_and_drains_when_it_stops(
    run_site: SiteRunner,
    site: Site,
    demo_data: datetime,
    agent: Agent,
    cluster: Cluster,
) -> None:
    with run_site(**agent.environ, LOGLEVEL="INFO") as leaving:
        async with open_client(leaving.ws_url) as client:
            await client.converse("Hola")
            cluster.stop_task()
            assert (await client.until("moving"))["resumeAfterMs"] == 100
            assert await client.until_closed() == 1012
            resumed = await client.resume(await open_socket(site.ws_url))
            assert resumed.event["restored"] is True
        assert leaving.get("/ready")[0] == 503
        assert leaving.process.poll() is None  # until ECS sends SIGTERM
        await leaving.until_logged("task is stopping, draining")
    assert agent.states[0] == PROTECTED
