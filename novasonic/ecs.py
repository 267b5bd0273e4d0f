"""The ECS task that this process runs in: protected while calls are active, drained when ECS stops it.

ECS removes a task from the load balancer before it sends SIGTERM, and the load balancer cuts the task's
WebSockets when its deregistration delay is over. So the process must learn earlier that it is to stop: it asks
ECS for its own desired status. Protection keeps ECS from choosing a task with active calls at all.

Sources: "Amazon ECS task scale-in protection endpoint", "Amazon ECS task lifecycle" and "Optimize load
balancer connection draining parameters", Amazon ECS developer guide.
"""

import asyncio
import json
import logging
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

logger = logging.getLogger(__name__)

POLL_S = 5.0
STATUS_POLL_S = 15.0
RETRY_S = 30.0
TIMEOUT_S = 3.0
PROTECTION_MINUTES = 60
"""Longest protection. It is not renewed while calls go on, so that a busy task can't stop a deployment."""


class ECSTask:
    """One task, by the addresses that ECS puts into its environment."""

    def __init__(self, *, agent_url: str, metadata_url: str, region: str) -> None:
        self.is_protected = False
        self._agent_url = agent_url
        self._metadata_url = metadata_url
        self._region = region
        self._retry_at = 0.0
        self._client: Any = None
        self._identity: tuple[str, str] | None = None

    @classmethod
    def from_environment(cls, region: str) -> Self | None:
        """Return the task of this process; None outside ECS."""
        agent_url = os.environ.get("ECS_AGENT_URI")
        metadata_url = os.environ.get("ECS_CONTAINER_METADATA_URI_V4")
        if not agent_url or not metadata_url:
            return None
        return cls(agent_url=agent_url, metadata_url=metadata_url, region=region)

    def update_protection(self, *, active_calls: int, now: float) -> None:
        """Protect the task while calls are active. A failure is logged and retried RETRY_S later."""
        wanted = active_calls > 0
        if wanted is self.is_protected or now < self._retry_at:
            return
        body: dict[str, object] = {"ProtectionEnabled": wanted}
        if wanted:
            body["ExpiresInMinutes"] = PROTECTION_MINUTES
        problem = self._put_protection(body)
        if problem is None:
            self.is_protected = wanted
        else:
            self._retry_at = now + RETRY_S
            fields = {"wanted": wanted, "reason": problem}
            logger.warning("task protection failed", extra=fields)

    def is_stopping(self) -> bool:
        """Whether ECS has decided to stop the task; false if ECS can't be asked."""
        try:
            cluster, arn = self._identified()
            tasks = self._ecs().describe_tasks(cluster=cluster, tasks=[arn])["tasks"]
        except (OSError, ValueError, KeyError, BotoCoreError, ClientError) as error:
            logger.warning("task status unknown", extra={"error": str(error)})
            return False
        return any(task.get("desiredStatus") == "STOPPED" for task in tasks)

    def _put_protection(self, body: dict[str, object]) -> str | None:
        """Send the state to the agent; return why it was refused."""
        try:
            answer = _request(f"{self._agent_url}/task-protection/v1/state", body)
        except urllib.error.HTTPError as error:
            with error:
                return f"HTTP {error.code} {error.read(500).decode(errors='replace')}".strip()
        except (OSError, ValueError) as error:
            return str(error)
        failure = answer.get("failure") or answer.get("error")
        return (
            None
            if failure is None
            else str(failure.get("Reason") or failure.get("Code") or failure)
        )

    def _identified(self) -> tuple[str, str]:
        """Return the cluster and the task's ARN."""
        if self._identity is None:
            found = _request(f"{self._metadata_url}/task")
            self._identity = found["Cluster"], found["TaskARN"]
        return self._identity

    def _ecs(self) -> Any:
        if self._client is None:
            self._client = get_session().create_client("ecs", region_name=self._region)
        return self._client


async def supervise(task: ECSTask, active_calls: Callable[[], int]) -> None:
    """Protect the task while calls are active; hand the calls over when ECS stops the task.

    The handover is that of `manage.py drain`: SIGUSR1 to this process.
    """
    status_at = 0.0
    while True:
        now = time.monotonic()
        await asyncio.to_thread(task.update_protection, active_calls=active_calls(), now=now)
        if now >= status_at:
            status_at = now + STATUS_POLL_S
            if await asyncio.to_thread(task.is_stopping):
                logger.info("task is stopping, draining")
                signal.raise_signal(signal.SIGUSR1)
                return
        await asyncio.sleep(POLL_S)


def _request(url: str, body: dict[str, object] | None = None) -> Any:
    """Return what the agent answers to a GET, or to a PUT of a body."""
    request = urllib.request.Request(  # noqa: S310 -- ECS gives the address
        url,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method="GET" if body is None else "PUT",
    )
    # The agent is at a link-local address: no proxy of the environment leads there.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=TIMEOUT_S) as response:
        return json.loads(response.read())
