"""scripts/infrastructure/plan_rules.py: each rule finds its fault in a plan, and only that."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.aws import PYTHON

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "infrastructure" / "plan_rules.py"


def resource(kind: str, name: str, **values: Any) -> dict[str, Any]:
    return {"address": f"{kind}.{name}", "type": kind, "values": values}


def task(name: str, *, cpu: int = 1024, memory: int = 2048, **container: Any) -> dict[str, Any]:
    containers = [{"name": "voice", **container}]
    return resource(
        "aws_ecs_task_definition",
        name,
        cpu=str(cpu),
        memory=str(memory),
        container_definitions=json.dumps(containers),
    )


def table(
    name: str, *, billing: str = "PAY_PER_REQUEST", range_key: str = "createdAt"
) -> dict[str, Any]:
    return resource(
        "aws_dynamodb_table",
        name,
        billing_mode=billing,
        attribute=[{"name": each} for each in ("PK", "SK", "status", "createdAt")],
        global_secondary_index=[
            {"name": "StatusIndex", "hash_key": "status", "range_key": range_key}
        ],
    )


def policy(
    name: str, action: str, on: str = "arn:aws:s3:::bucket/*", **more: Any
) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": action, "Resource": on, **more}
    return resource("aws_iam_role_policy", name, policy=json.dumps({"Statement": [statement]}))


def dashboard(name: str, **widget: Any) -> dict[str, Any]:
    shown = {
        "type": "metric",
        "x": 0,
        "width": 12,
        "properties": {"title": "Calls", "metrics": [["NovaSonic", "Calls"]]},
        **widget,
    }
    return resource(
        "aws_cloudwatch_dashboard", name, dashboard_body=json.dumps({"widgets": [shown]})
    )


def group(name: str, *, timeout: int) -> dict[str, Any]:
    return resource(
        "aws_lb_target_group", name, health_check=[{"timeout": timeout, "interval": 15}]
    )


def endpoint(name: str, service: str) -> dict[str, Any]:
    return resource("aws_vpc_endpoint", name, service_name=f"com.amazonaws.us-east-1.{service}")


def document(name: str, action: str, on: str = "arn:aws:s3:::bucket/*") -> dict[str, Any]:
    """Return a policy document whose text is known after the apply only."""
    statement = {
        "actions": {"constant_value": [action]},
        "resources": {"constant_value": [on]},
    }
    address = f"data.aws_iam_policy_document.{name}"
    return {
        "address": address,
        "type": "aws_iam_policy_document",
        "expressions": {"statement": [statement]},
    }


CHECK = {"timeout": 5, "interval": 15}
SOUND = [
    task("sound", healthCheck=CHECK, environment=[{"name": "HOST", "value": "0.0.0.0"}]),
    table("sound"),
    policy("sound", "s3:GetObject"),
    policy("traces", "xray:PutTraceSegments", on="*"),
    policy("newer", "bedrock:InvokeModelWithBidirectionalStream"),
    policy("own", "kms:*", on="*", Principal={"AWS": "arn:aws:iam::1:root"}),
    policy("denying", "s3:Nothing", Effect="Deny"),
    dashboard("sound"),
    group("sound", timeout=5),
    endpoint("sound", "bedrock-runtime"),
    resource("aws_cloudwatch_log_group", "sound", retention_in_days=30),
]
FAULTS = {
    "Fargate's sizes": (
        task("wrong_size", cpu=1024, memory=512),
        "aws_ecs_task_definition.wrong_size: Fargate has no 1024 CPU units with 512 MiB",
    ),
    "slow health check": (
        task("slow", healthCheck={"timeout": 15, "interval": 15}),
        "aws_ecs_task_definition.slow: voice: its health check may last as long as its interval",
    ),
    "secret in the environment": (
        task("open", environment=[{"name": "DJANGO_SECRET_KEY", "value": "x"}]),
        "aws_ecs_task_definition.open: voice: DJANGO_SECRET_KEY is no secret of Secrets Manager",
    ),
    "target group": (
        group("slow", timeout=15),
        "aws_lb_target_group.slow: time-out 15 is not below the interval 15",
    ),
    "billing": (
        table("billed", billing="PROVISIONED"),
        "aws_dynamodb_table.billed: billing mode PROVISIONED",
    ),
    "index key": (
        table("indexed", range_key="startedAt"),
        "aws_dynamodb_table.indexed: StatusIndex: its key startedAt is no attribute",
    ),
    "endpoint": (
        endpoint("odd", "bedrock-runtimes"),
        "aws_vpc_endpoint.odd: no known endpoint service com.amazonaws.us-east-1.bedrock-runtimes",
    ),
    "widget type": (
        dashboard("typed", type="metrics"),
        "aws_cloudwatch_dashboard.typed: Calls: no widget type metrics",
    ),
    "widget place": (
        dashboard("wide", x=18),
        "aws_cloudwatch_dashboard.wide: Calls: it leaves the grid",
    ),
    "metric": (
        dashboard("measured", properties={"title": "Calls", "metrics": [[["NovaSonic"]]]}),
        "aws_cloudwatch_dashboard.measured: Calls: ['NovaSonic'] is no namespace",
    ),
    "retention": (
        resource("aws_cloudwatch_log_group", "endless", retention_in_days=0),
        "aws_cloudwatch_log_group.endless: its logs never end",
    ),
    "unknown action": (
        policy("unknown", "dynamodb:GetItems"),
        "aws_iam_role_policy.unknown: no IAM action dynamodb:GetItems",
    ),
    "wildcard action": (
        policy("wild", "dynamodb:*"),
        "aws_iam_role_policy.wild: wildcard action dynamodb:*",
    ),
    "all resources": (
        policy("everywhere", "s3:GetObject", on="*"),
        "aws_iam_role_policy.everywhere: s3:GetObject on all resources",
    ),
}
PLANNED_FAULTS = {
    "unknown planned action": (
        document("planned", "ecs:UpdateTaskProtections"),
        "data.aws_iam_policy_document.planned: no IAM action ecs:UpdateTaskProtections",
    ),
    "all resources in a planned document": (
        document("planned_everywhere", "s3:GetObject", on="*"),
        "data.aws_iam_policy_document.planned_everywhere: s3:GetObject on all resources",
    ),
}


def check(folder: Path, planned: list[Any], documents: list[Any]) -> tuple[int, list[str]]:
    """Return the exit status and the problems of a plan; half of it is in a module below."""
    module = {
        "resources": planned[::2],
        "child_modules": [{"resources": planned[1::2]}],
    }
    plan = folder / "plan.json"
    plan.write_text(
        json.dumps(
            {
                "planned_values": {"root_module": module},
                "configuration": {"root_module": {"resources": documents}},
            }
        )
    )
    if not PYTHON.exists():
        pytest.fail("`.venv-infrastructure` is missing: `make test` makes it.", pytrace=False)
    ended = subprocess.run([PYTHON, SCRIPT, plan], capture_output=True, text=True, check=False)
    assert ended.stderr == ""
    return ended.returncode, [line for line in ended.stdout.splitlines()[1:] if line]


@pytest.fixture(scope="module")
def problems(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return what the rules say of a plan with all faults at once."""
    status, found = check(
        tmp_path_factory.mktemp("plan"),
        [*SOUND, *(fault for fault, _ in FAULTS.values())],
        [document for document, _ in PLANNED_FAULTS.values()],
    )
    assert status == 1
    return found


@pytest.mark.parametrize("fault", [*FAULTS, *PLANNED_FAULTS])
def test_fault_in_a_plan_is_found(problems: list[str], fault: str) -> None:
    assert {**FAULTS, **PLANNED_FAULTS}[fault][1] in problems


def test_nothing_but_the_faults_is_found(problems: list[str]) -> None:
    expected = {sentence for _, sentence in (*FAULTS.values(), *PLANNED_FAULTS.values())}
    assert set(problems) - expected == set()
    assert problems == sorted(problems)


def test_sound_plan_has_exit_status_0(tmp_path: Path) -> None:
    assert check(tmp_path, SOUND, [document("sound", "s3:GetObject")]) == (0, [])
