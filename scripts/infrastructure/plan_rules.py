"""Check a Terraform plan for what neither `validate` nor `plan` notices.

usage: plan_rules.py PLAN.json        (made by `terraform show -json`)

Each rule yields sentences; none means that all is well. Facts: Fargate's sizes and dashboard limits from AWS's
user guides, IAM actions from policy_sentry's copy of the service authorization reference.
"""

import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from policy_sentry.querying.actions import get_actions_for_service

type Resource = dict[str, Any]

GIB = 1024
FARGATE_MEMORY = {
    256: {512, 1 * GIB, 2 * GIB},
    512: {size * GIB for size in range(1, 5)},
    1024: {size * GIB for size in range(2, 9)},
    2048: {size * GIB for size in range(4, 17)},
    4096: {size * GIB for size in range(8, 31)},
    8192: {size * GIB for size in range(16, 61, 4)},
    16384: {size * GIB for size in range(32, 121, 8)},
}
"""MiB of memory that Fargate offers for each size of CPU."""

NEWER_ACTIONS = {"bedrock:invokemodelwithbidirectionalstream"}
"""Actions that AWS has and the copy of its reference does not."""

WITHOUT_RESOURCES = {
    "ecr:getauthorizationtoken",
    "xray:puttracesegments",
    "xray:puttelemetryrecords",
}
"""Actions that know no resources, so that `*` is their only one."""

ENDPOINT_SERVICES = {
    "bedrock-runtime", "dynamodb", "ecr.api", "ecr.dkr", "ecs", "kms", "logs", "s3", "secretsmanager", "sts",
}  # fmt: skip
LAMBDA_RESERVED = {
    "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "_HANDLER", "_X_AMZN_TRACE_ID",
}  # fmt: skip
"""Environment variables that a function must not set, from Lambda's developer guide."""
WIDGETS = {"metric", "log", "text", "alarm", "explorer"}


def resources(module: dict[str, Any]) -> Iterator[Resource]:
    """Yield the resources of a module and of those below it."""
    yield from (each for each in module.get("resources", []) if "values" in each)
    for child in module.get("child_modules", []):
        yield from resources(child)


def fargate_sizes(resource: Resource) -> Iterator[str]:
    """Yield tasks whose CPU and memory are no pair that Fargate offers."""
    if resource["type"] == "aws_ecs_task_definition":
        cpu, memory = int(resource["values"]["cpu"]), int(resource["values"]["memory"])
        if memory not in FARGATE_MEMORY.get(cpu, ()):
            yield f"Fargate has no {cpu} CPU units with {memory} MiB"


def containers(resource: Resource) -> Iterator[str]:
    """Yield containers with a slow health check, or a secret in their environment."""
    if resource["type"] != "aws_ecs_task_definition":
        return
    for container in json.loads(resource["values"].get("container_definitions") or "[]"):
        check = container.get("healthCheck")
        if check and check["timeout"] >= check["interval"]:
            yield f"{container['name']}: its health check may last as long as its interval"
        for variable in container.get("environment", []):
            if any(part in variable["name"] for part in ("SECRET", "PASSWORD", "TOKEN")):
                yield f"{container['name']}: {variable['name']} is no secret of Secrets Manager"


def functions(resource: Resource) -> Iterator[str]:
    """Yield variables that Lambda reserves, and environments larger than its 4 KB."""
    if resource["type"] != "aws_lambda_function":
        return
    for environment in resource["values"].get("environment") or []:
        variables = environment.get("variables") or {}
        for name in sorted(LAMBDA_RESERVED & variables.keys()):
            yield f"Lambda reserves {name}"
        if sum(len(name) + len(value or "") for name, value in variables.items()) > 4096:
            yield "its environment is larger than 4 KB"


def target_groups(resource: Resource) -> Iterator[str]:
    """Yield health checks whose time-out is not below their interval."""
    if resource["type"] == "aws_lb_target_group":
        for check in resource["values"].get("health_check") or []:
            if check.get("timeout") and check["timeout"] >= check["interval"]:
                yield f"time-out {check['timeout']} is not below the interval {check['interval']}"


def tables(resource: Resource) -> Iterator[str]:
    """Yield tables that are not on demand, and index keys that are no attributes."""
    if resource["type"] != "aws_dynamodb_table":
        return
    values = resource["values"]
    if values["billing_mode"] != "PAY_PER_REQUEST":
        yield f"billing mode {values['billing_mode']}"
    attributes = {attribute["name"] for attribute in values["attribute"]}
    for index in values.get("global_secondary_index") or []:
        for key in (index["hash_key"], index.get("range_key")):
            if key and key not in attributes:
                yield f"{index['name']}: its key {key} is no attribute"


def endpoints(resource: Resource) -> Iterator[str]:
    """Yield VPC endpoints for services that have none."""
    if resource["type"] == "aws_vpc_endpoint":
        name = resource["values"]["service_name"]
        service = name.split(".", 3)[-1]
        if service not in ENDPOINT_SERVICES:
            yield f"no known endpoint service {name}"


def dashboards(resource: Resource) -> Iterator[str]:
    """Yield widgets of unknown types, off the grid of 24 columns, or with metrics of another form."""
    if resource["type"] != "aws_cloudwatch_dashboard" or not resource["values"].get(
        "dashboard_body"
    ):
        return
    for widget in json.loads(resource["values"]["dashboard_body"])["widgets"]:
        title = widget.get("properties", {}).get("title", "?")
        if widget["type"] not in WIDGETS:
            yield f"{title}: no widget type {widget['type']}"
        if widget["x"] < 0 or widget["x"] + widget["width"] > 24:
            yield f"{title}: it leaves the grid"
        for metric in widget["properties"].get("metrics", []):
            if not isinstance(metric[0], str | dict):
                yield f"{title}: {metric[0]!r} is no namespace"


def retention(resource: Resource) -> Iterator[str]:
    """Yield log groups without an end."""
    if resource["type"] == "aws_cloudwatch_log_group" and not resource["values"].get(
        "retention_in_days"
    ):
        yield "its logs never end"


def policies(resource: Resource) -> Iterator[str]:
    """Yield actions that do not exist, wildcards, and statements about all resources."""
    for name in ("policy", "assume_role_policy", "json"):
        text = resource["values"].get(name)
        if (
            isinstance(text, str)
            and text.startswith("{")
            and resource["type"] != "aws_ecr_lifecycle_policy"
        ):
            statements = json.loads(text).get("Statement", [])
            for statement in statements if isinstance(statements, list) else [statements]:
                if statement.get("Effect", "Allow") == "Allow":
                    yield from _statement(
                        _listed(statement.get("Action")),
                        _listed(statement.get("Resource")),
                        has_principal="Principal" in statement,
                    )


def planned_policies(plan: dict[str, Any]) -> Iterator[str]:
    """Yield the same of documents whose text is known after the apply only: from the configuration."""
    for resource in plan["configuration"]["root_module"].get("resources", []):
        if resource["type"] != "aws_iam_policy_document":
            continue
        for statement in resource["expressions"].get("statement", []):
            actions = _listed(statement.get("actions", {}).get("constant_value"))
            found = _statement(
                actions,
                _listed(statement.get("resources", {}).get("constant_value")),
                has_principal="principals" in statement,
            )
            for sentence in found:
                yield f"{resource['address']}: {sentence}"


def _statement(actions: list[str], on: list[str], *, has_principal: bool) -> Iterator[str]:
    for action in actions:
        if "*" in action:
            if not has_principal:  # a resource's own policy speaks of that resource alone
                yield f"wildcard action {action}"
        elif action.lower() not in NEWER_ACTIONS | _actions_of(action.partition(":")[0]):
            yield f"no IAM action {action}"
    if "*" in on and not has_principal:
        bad = [action for action in actions if action.lower() not in WITHOUT_RESOURCES]
        if bad:
            yield f"{', '.join(bad)} on all resources"


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value] if value else []


@cache
def _actions_of(service: str) -> frozenset[str]:
    return frozenset(action.lower() for action in get_actions_for_service(service))


RULES = (
    fargate_sizes,
    containers,
    functions,
    target_groups,
    tables,
    endpoints,
    dashboards,
    retention,
    policies,
)


def problems(plan: dict[str, Any]) -> list[str]:
    """Return what is wrong with a plan, a sentence each, in order and without doubles."""
    known = [
        *resources(plan["planned_values"]["root_module"]),
        *resources(plan.get("prior_state", {}).get("values", {}).get("root_module", {})),
    ]
    found = [
        f"{each['address']}: {sentence}"
        for each in known
        for rule in RULES
        for sentence in rule(each)
    ]
    return sorted({*found, *planned_policies(plan)})


def main() -> None:
    """Print what is wrong, and end with status 1 if anything is."""
    plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    found = problems(plan)
    count = len(list(resources(plan["planned_values"]["root_module"])))
    print(f"{count} resources, {len(RULES) + 1} rules, {len(found)} problems")
    print(*found, sep="\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
