"""A local AWS for Terraform: moto's server, with what the AWS provider asks and moto lacks.

usage: moto_server.py PORT-FILE

Listens on a free port of the loopback, writes its number to PORT-FILE, and ends with its standard input.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"  # read while moto is imported

from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.ecs.models import EC2ContainerServiceBackend
from moto.iam.access_control import IAMPolicyStatement, PermissionResult
from moto.logs.responses import LogsResponse
from moto.server import ThreadedMotoServer

_queries: dict[str, dict[str, object]] = {}
"""Saved queries of CloudWatch Logs Insights by their ids."""


_tags: dict[str, dict[str, str]] = {}
"""Tags of scaling targets by their ARNs."""

register_target = ApplicationAutoScalingResponse.register_scalable_target


def register_scalable_target(self: ApplicationAutoScalingResponse) -> str:
    """Register a scaling target, and store its tags."""
    response: str = register_target(self)
    tags = self._get_param("Tags")
    if tags:
        _tags[json.loads(response)["ScalableTargetARN"]] = tags
    return response


def list_tags_for_resource(self: ApplicationAutoScalingResponse) -> str:
    """Return the tags of a scaling target."""
    return json.dumps({"Tags": _tags.get(self._get_param("ResourceARN"), {})})


def tag_resource(self: ApplicationAutoScalingResponse) -> str:
    """Add tags to a scaling target."""
    _tags.setdefault(self._get_param("ResourceARN"), {}).update(self._get_param("Tags"))
    return "{}"


def put_query_definition(self: LogsResponse) -> str:
    """Store a saved query."""
    query_id = (
        self._get_param("queryDefinitionId") or f"00000000-0000-0000-0000-{len(_queries):012}"
    )
    _queries[query_id] = {
        "queryDefinitionId": query_id,
        "name": self._get_param("name"),
        "queryString": self._get_param("queryString"),
        "logGroupNames": self._get_param("logGroupNames") or [],
    }
    return json.dumps({"queryDefinitionId": query_id})


def describe_query_definitions(self: LogsResponse) -> str:
    """Return the saved queries whose names have a prefix."""
    prefix = self._get_param("queryDefinitionNamePrefix") or ""
    found = [query for query in _queries.values() if str(query["name"]).startswith(prefix)]
    return json.dumps({"queryDefinitions": found})


_requirements = EC2ContainerServiceBackend._calculate_task_resource_requirements  # noqa: SLF001 -- moto has no hook


def task_requirements(task_definition: Any) -> dict[str, Any]:
    """Return what a task needs. On Fargate a container may leave its memory to the task."""
    for container in task_definition.container_definitions:
        container.setdefault("memory", 0)
    found: dict[str, Any] = _requirements(task_definition)
    return found


setattr(  # noqa: B010 -- an assignment would not pass the type check
    EC2ContainerServiceBackend,
    "_calculate_task_resource_requirements",
    staticmethod(task_requirements),
)

evaluate_statement = IAMPolicyStatement.is_action_permitted


def is_action_permitted(self: IAMPolicyStatement, *arguments: Any) -> PermissionResult:
    """Pass over a statement that denies on a condition, such as a request without TLS.

    moto evaluates no conditions, and would deny everything.
    """
    statement = self._statement
    if statement["Effect"] == "Deny" and "Condition" in statement:
        return PermissionResult.NEUTRAL
    return evaluate_statement(self, *arguments)


IAMPolicyStatement.is_action_permitted = is_action_permitted
ApplicationAutoScalingResponse.register_scalable_target = register_scalable_target

for response_class, method in (
    # Without an answer the provider asks again for minutes.
    (ApplicationAutoScalingResponse, list_tags_for_resource),
    (ApplicationAutoScalingResponse, tag_resource),
    (LogsResponse, put_query_definition),
    (LogsResponse, describe_query_definitions),
):
    if not hasattr(response_class, method.__name__):
        setattr(response_class, method.__name__, method)

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
_, port = server.get_host_and_port()
Path(sys.argv[1]).write_text(str(port), encoding="ascii")
sys.stdin.read()
server.stop()
