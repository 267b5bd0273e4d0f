"""Follow the steps of docs/deploy.md for AWS on a local AWS: `follow_deploy_page.py FOLDER`.

Runs each ```sh aws block of the page, in order, in a copy of the project, as somebody who copies the commands.
AWS_ENDPOINT_URL names the local AWS (moto). Stand-ins: `git clone` is this copy, `docker` and `aws` only record
what they are asked, the REST function's package is an empty one (`make lambda` builds the real one), and
Terraform asks nobody for approval.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import boto3

ROOT = Path(__file__).resolve().parents[2]
CLONE = re.compile(r"^git clone .*\n", re.MULTILINE)
BLOCK = re.compile(r"^```sh aws\n(.*?)^```", re.DOTALL | re.MULTILINE)
RECORDER = """#!/bin/sh
echo "$(basename "$0") $*" >> "$RECORD"
case "$*" in *get-login-password*) echo password ;; *--password-stdin*) cat > /dev/null ;; esac
"""


def main() -> None:
    """Follow the page, then check what it has led to."""
    folder = Path(sys.argv[1])
    clone = folder / "clone"
    copy_project(clone)
    environ = prepare(clone, folder)
    blocks = BLOCK.findall((ROOT / "docs" / "deploy.md").read_text(encoding="utf-8"))
    for number, block in enumerate(blocks, 1):
        print(f"step {number}: {block.strip().splitlines()[0]}", flush=True)
        here = CLONE.sub("", block).replace("python3.13", sys.executable)
        run(here, clone, environ)
        if "terraform.tfvars.example" in block:
            fill_in_variables(clone / "terraform" / "terraform.tfvars")
    check(clone, folder, environ)
    print(f"{len(blocks)} steps of docs/deploy.md lead to a deployment")


def copy_project(clone: Path) -> None:
    """Copy what git tracks, and what is about to be tracked."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)


def prepare(clone: Path, folder: Path) -> dict[str, str]:
    """Put the stand-ins in place; return the environment of the steps."""
    shutil.copy(
        ROOT / "scripts/infrastructure/moto.override.tf.txt", clone / "terraform/override.tf"
    )
    tools = folder / "tools"
    tools.mkdir()
    for name in ("docker", "aws"):
        (tools / name).write_text(RECORDER)
        (tools / name).chmod(0o755)
    package = folder / "lambda.zip"
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("novasonic/lambda_handler.py", "")
    builder = clone / "scripts" / "build-lambda"
    builder.write_text(f"#!/bin/sh\nmkdir -p build && cp {package} build/lambda.zip\n")
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHON"}
    return {
        **inherited,
        "PATH": f"{tools}:{os.environ['PATH']}",
        "RECORD": str(folder / "record"),
        "PIP_NO_COMPILE": "1",  # half of the time of the installation
        "AWS_DEFAULT_REGION": "us-east-1",
        "TF_CLI_ARGS_apply": "-auto-approve -input=false -no-color",
        # The local AWS has one host name, not one for each bucket.
        "TF_CLI_ARGS_init": "-input=false -no-color -backend-config=use_path_style=true",
    }


def fill_in_variables(file: Path) -> None:
    """Do what step 1 asks for: put the certificate's ARN into the copied example."""
    ended = subprocess.run(
        [sys.executable, ROOT / "scripts/infrastructure/import_certificate.py"],
        check=True,
        capture_output=True,
        text=True,
    )
    text = re.sub(
        r"^certificate_arn = .*",
        f'certificate_arn = "{ended.stdout.strip()}"',
        file.read_text(),
        flags=re.MULTILINE,
    )
    file.write_text(text)


def run(block: str, clone: Path, environ: dict[str, str]) -> None:
    """Run one block; end the check with its output if it fails."""
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=clone,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=900,
    )
    for line in ended.stdout.splitlines():
        if line.startswith(("Apply complete", "SKIPPED", "task ")):
            print(line)
    if ended.returncode:
        sys.exit(f"the step failed:\n{ended.stdout[-5000:]}")


def check(clone: Path, folder: Path, environ: dict[str, str]) -> None:
    """Check that the image went to the repository, secrets have values, and the tasks ran."""
    outputs = terraform_json(clone, environ, "output", "-json")
    require(not (clone / "terraform" / "terraform.tfstate").exists(), "the state is a local file")
    compare_tables(outputs["tables"]["value"], environ)
    repository = outputs["image_repository_url"]["value"]
    record = (folder / "record").read_text()
    require(f"--tag {repository}:1.0.0 --push" in record, "the image was not pushed")
    require(
        f"--password-stdin {repository.partition('/')[0]}" in record, "no login to the registry"
    )

    secrets = boto3.client("secretsmanager", region_name="us-east-1")
    values = [
        secrets.get_secret_value(SecretId=arn)["SecretString"]
        for arn in outputs["secrets"]["value"].values()
    ]
    require(len(set(values)) == len(values) and min(map(len, values)) >= 50, "weak secrets")
    password = database_password(secrets, outputs["cluster"]["value"])
    require(len(password) == 48, "the password is not the one of the first apply")
    state = subprocess.run(
        ["terraform", "-chdir=terraform", "state", "pull"],
        cwd=clone,
        env=environ,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    require(not any(value in state for value in [*values, password]), "a secret is in the state")

    ecs = boto3.client("ecs", region_name="us-east-1")
    cluster = outputs["cluster"]["value"]
    arns = [
        arn
        for status in ("RUNNING", "STOPPED")
        for arn in ecs.list_tasks(cluster=cluster, desiredStatus=status)["taskArns"]
    ]
    tasks = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]
    commands = {
        " ".join(override["command"][2:])
        for task in tasks
        for override in task["overrides"].get("containerOverrides", [])
    }
    expected = {
        "migrate --no-input",
        "invite_staff ana --superuser",
        "api_token erp --hours 720",
    }
    require(commands == expected, f"commands that ran as tasks: {commands}")


def compare_tables(tables: dict[str, str], environ: dict[str, str]) -> None:
    """Compare the tables that Terraform created with the models."""
    python = ROOT / ".venv" / "bin" / "python"
    if not python.exists():
        print("SKIPPED: comparing the tables with the models: the project's environment is missing")
        return
    names = {f"{label.upper()}_TABLE": name for label, name in tables.items()}
    endpoint = {"DYNAMODB_ENDPOINT_URL": environ["AWS_ENDPOINT_URL"]}
    ended = subprocess.run(
        [python, ROOT / "manage.py", "diagnose_tables", "--no-items"],
        env={**environ, **endpoint, **names},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    require(ended.returncode == 0, f"the tables are not as the models declare:\n{ended.stdout}")


def database_password(secrets: Any, prefix: str) -> str:
    """Return the password inside DATABASE_URL."""
    url = secrets.get_secret_value(SecretId=f"{prefix}/database-url")["SecretString"]
    found = re.search(r"//[^:]+:([^@]+)@", url)
    require(found is not None, "DATABASE_URL has no password")
    return found[1] if found else ""


def terraform_json(clone: Path, environ: dict[str, str], *arguments: str) -> Any:
    """Return what a command of Terraform prints as JSON."""
    command = ["terraform", "-chdir=terraform", *arguments]
    ended = subprocess.run(
        command, cwd=clone, env=environ, check=True, capture_output=True, text=True
    )
    return json.loads(ended.stdout)


def require(is_met: bool, problem: str) -> None:
    """End the check with a problem."""
    if not is_met:
        sys.exit(problem)


if __name__ == "__main__":
    main()
