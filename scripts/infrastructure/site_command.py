"""Run a command of manage.py in the deployment, as a one-off ECS task, and wait for its end.

    scripts/site-command migrate --no-input
    scripts/site-command invite_staff ana --superuser

The task has the image, secrets, network and role of the site. Its output is printed, and the exit status
is the command's own.
"""

import argparse
import sys
import time
from typing import Any

import boto3
from botocore.exceptions import ClientError
from stack import add_outputs_option, read_outputs, run

CONTAINER = "migrate"
POLL_S = 3.0
TIMEOUT_S = 900.0


def main() -> int:
    """Run the task that the command line describes; return the command's exit status."""
    options = _options()
    outputs = read_outputs(options.outputs)
    region, place = outputs["region"], outputs["migration"]
    ecs = boto3.client("ecs", region_name=region)
    task = start(ecs, outputs["cluster"], place, options.command)
    task_id = task["taskArn"].rpartition("/")[2]
    print(f"task {task_id} started: manage.py {' '.join(options.command)}", flush=True)
    ended = wait_until_stopped(ecs, outputs["cluster"], task["taskArn"], options.poll)
    logs = boto3.client("logs", region_name=region)
    for line in output_lines(logs, place["log_group"], f"{CONTAINER}/{CONTAINER}/{task_id}"):
        print(line)
    return exit_status(ended)


def start(ecs: Any, cluster: str, place: dict[str, Any], command: list[str]) -> dict[str, Any]:
    """Start the task; end the script if ECS can't place it."""
    network = {
        "subnets": place["subnets"],
        "securityGroups": place["security_groups"],
        "assignPublicIp": "DISABLED",
    }
    override = {"name": CONTAINER, "command": ["python", "manage.py", *command]}
    response = ecs.run_task(
        cluster=cluster,
        taskDefinition=place["task_definition"],
        launchType="FARGATE",
        count=1,
        startedBy="site-command",
        networkConfiguration={"awsvpcConfiguration": network},
        overrides={"containerOverrides": [override]},
    )
    if response.get("failures"):
        reasons = ", ".join(failure.get("reason", "unknown") for failure in response["failures"])
        sys.exit(f"ECS did not start the task: {reasons}")
    task: dict[str, Any] = response["tasks"][0]
    return task


def wait_until_stopped(ecs: Any, cluster: str, task_arn: str, poll_s: float) -> dict[str, Any]:
    """Return the task when it has stopped; end the script if it takes too long."""
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        task: dict[str, Any] = ecs.describe_tasks(cluster=cluster, tasks=[task_arn])["tasks"][0]
        if task["lastStatus"] == "STOPPED":
            return task
        if time.monotonic() > deadline:
            sys.exit(
                f"The task has run for {TIMEOUT_S / 60:.0f} minutes: see it in the ECS console."
            )
        time.sleep(poll_s)


def output_lines(logs: Any, group: str, stream: str) -> list[str]:
    """Return what the command printed; nothing if it ended before it could."""
    lines: list[str] = []
    token: dict[str, str] = {}
    while True:
        try:
            page = logs.get_log_events(
                logGroupName=group, logStreamName=stream, startFromHead=True, **token
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return lines
            raise
        lines += [event["message"] for event in page["events"]]
        if token.get("nextToken") == page["nextForwardToken"]:  # the end repeats its token
            return lines
        token = {"nextToken": page["nextForwardToken"]}


def exit_status(task: dict[str, Any]) -> int:
    """Return the exit status of the task's container; print why it has none."""
    container = next(each for each in task["containers"] if each["name"] == CONTAINER)
    status = container.get("exitCode")
    if status is None:
        reason = container.get("reason") or task.get("stoppedReason") or "unknown"
        print(f"The container did not run: {reason}", file=sys.stderr)
        return 1
    return int(status)


def _options() -> argparse.Namespace:
    description, *_ = (__doc__ or "").splitlines()
    parser = argparse.ArgumentParser(prog="site-command", description=description)
    add_outputs_option(parser)
    parser.add_argument(
        "--poll", type=float, default=POLL_S, metavar="SECONDS", help="between looks"
    )
    parser.add_argument(
        "command", nargs=argparse.REMAINDER, help="the command of manage.py and its arguments"
    )
    options = parser.parse_args()
    if not options.command:
        parser.error("which command? For example: migrate --no-input")
    return options


if __name__ == "__main__":
    run(main)
