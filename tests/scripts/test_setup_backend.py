"""`scripts/setup-backend.sh` on a local AWS; `make infra-check` runs it with the real Terraform."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.aws import LocalAWS
from tests.scripts.loading import load_script

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts" / "infrastructure"
SETTINGS = [
    "public access block", "ownership", "versioning", "encryption", "TLS only", "lifecycle",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ended:
    """A script that ended."""

    returncode: int
    stdout: str
    stderr: str


class Backend:
    """A Terraform module without anything in it, and the script that prepares its state.

    The script runs in this process, since a new one needs a second only to load boto3.
    """

    def __init__(
        self,
        aws: LocalAWS,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        self.client = aws.client("s3")
        self.bucket = f"{aws.prefix}-state"
        self.module = folder / "module"
        self.module.mkdir()
        self.programs = folder / "programs"
        self.programs.mkdir()
        self._monkeypatch, self._capfd = monkeypatch, capfd
        monkeypatch.syspath_prepend(SCRIPTS)
        monkeypatch.setenv("PATH", f"{self.programs}:/usr/bin:/bin")
        for name, value in aws.environ.items():
            monkeypatch.setenv(name, value)
        self._script = load_script("infrastructure/state_bucket")

    def run(self, *arguments: str, bucket: str | None = None) -> Ended:
        named = ["--bucket", bucket or self.bucket, "--module", str(self.module)]
        self._monkeypatch.setattr(sys, "argv", ["setup-backend.sh", *named, *arguments])
        with pytest.raises(SystemExit) as ended:
            self._script.run(self._script.main)
        printed, code = self._capfd.readouterr(), ended.value.code
        if isinstance(code, str):
            return Ended(1, printed.out, f"{code}\n")
        return Ended(int(code or 0), printed.out, printed.err)

    def report(self, *arguments: str) -> dict[str, str]:
        """Return what the script says of the bucket and of each setting."""
        ended = self.run(*arguments)
        assert ended.returncode == 0, ended.stderr
        lines = [line.rpartition(": ") for line in ended.stdout.splitlines() if ": " in line]
        return {name: state for name, _, state in lines}

    def install_terraform(self, status: int = 0) -> None:
        """Put a program in Terraform's place that prints its arguments."""
        program = self.programs / "terraform"
        program.write_text(f'#!/bin/sh\necho "terraform $*"\nexit {status}\n')
        program.chmod(0o755)

    def policy(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(
            self.client.get_bucket_policy(Bucket=self.bucket)["Policy"]
        )
        return loaded


@pytest.fixture
def backend(
    local_aws: LocalAWS,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Backend:
    return Backend(local_aws, tmp_path, monkeypatch, capfd)


def test_new_bucket_has_every_setting(backend: Backend) -> None:
    report = backend.report("--no-init")
    assert report[f"bucket {backend.bucket}"] == "created"
    name, client = backend.bucket, backend.client
    assert client.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    [encryption] = client.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"][
        "Rules"
    ]
    assert encryption["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    block = client.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}
    ownership = client.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert ownership == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    conditions = [statement["Condition"] for statement in backend.policy()["Statement"]]
    assert conditions == [
        {"Bool": {"aws:SecureTransport": "false"}},
        {"NumericLessThan": {"s3:TlsVersion": "1.2"}},
    ]
    rules = client.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert {rule["ID"] for rule in rules} == {"old-versions", "unfinished-uploads"}
    assert not any("Expiration" in rule for rule in rules)  # the current state never expires


def test_second_run_changes_nothing(backend: Backend) -> None:
    backend.report("--no-init")
    report = backend.report("--no-init")
    assert set(report.values()) == {"in order"}
    assert set(SETTINGS) <= report.keys()


def test_backend_file_names_bucket_key_and_region(backend: Backend) -> None:
    backend.report("--no-init", "--project", "nova", "--stage", "prod")
    assert (backend.module / "backend.hcl").read_text() == (
        "# Written by scripts/setup-backend.sh.\n"
        f'bucket = "{backend.bucket}"\n'
        'key    = "nova/prod/terraform.tfstate"\n'
        'region = "us-east-1"\n'
    )


def test_backend_file_of_another_state_is_not_overwritten(backend: Backend) -> None:
    backend.report("--no-init")
    before = (backend.module / "backend.hcl").read_text()
    ended = backend.run("--no-init", "--stage", "other")
    assert ended.returncode == 1
    assert "names another key: nova-sonic-server-app/demo/terraform.tfstate" in ended.stderr
    assert (backend.module / "backend.hcl").read_text() == before


def test_variables_of_the_module_are_the_defaults(backend: Backend) -> None:
    (backend.module / "terraform.tfvars").write_text(
        'project_name = "voces"\nstage  = "prod"  # the real one\naws_region = "us-east-1"\n'
    )
    backend.report("--no-init")
    assert 'key    = "voces/prod/terraform.tfstate"' in (backend.module / "backend.hcl").read_text()


def test_weakened_setting_is_found_and_restored(backend: Backend) -> None:
    backend.report("--no-init")
    backend.client.put_bucket_versioning(
        Bucket=backend.bucket, VersioningConfiguration={"Status": "Suspended"}
    )
    backend.client.delete_public_access_block(Bucket=backend.bucket)
    checked = backend.run("--check")
    assert checked.returncode == 1
    missing = [line for line in checked.stdout.splitlines() if line.endswith("missing")]
    assert missing == ["public access block: missing", "versioning: missing"]
    report = backend.report("--no-init")
    assert (report["versioning"], report["encryption"]) == ("set", "in order")
    assert backend.run("--check").returncode == 0


def test_check_of_a_missing_bucket_creates_nothing(backend: Backend) -> None:
    ended = backend.run("--check")
    assert (ended.returncode, ended.stdout) == (1, f"bucket {backend.bucket}: missing\n")
    names = [bucket["Name"] for bucket in backend.client.list_buckets()["Buckets"]]
    assert backend.bucket not in names
    assert not (backend.module / "backend.hcl").exists()


def test_rules_that_others_added_stay(backend: Backend) -> None:
    backend.client.create_bucket(Bucket=backend.bucket)
    theirs = {
        "Sid": "Audit",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{backend.bucket}/*",
    }
    backend.client.put_bucket_policy(
        Bucket=backend.bucket,
        Policy=json.dumps({"Version": "2012-10-17", "Statement": [theirs]}),
    )
    rule = {
        "ID": "theirs",
        "Status": "Enabled",
        "Filter": {"Prefix": "logs/"},
        "Expiration": {"Days": 3},
    }
    backend.client.put_bucket_lifecycle_configuration(
        Bucket=backend.bucket, LifecycleConfiguration={"Rules": [rule]}
    )
    backend.report("--no-init")
    assert theirs in backend.policy()["Statement"]
    rules = backend.client.get_bucket_lifecycle_configuration(Bucket=backend.bucket)["Rules"]
    assert [each["ID"] for each in rules] == ["theirs", "old-versions", "unfinished-uploads"]


def test_kms_key_encrypts_and_stays_without_the_option(backend: Backend) -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/1"
    backend.report("--no-init", "--kms-key", key)
    assert backend.report("--no-init")["encryption"] == "in order"
    [rule] = backend.client.get_bucket_encryption(Bucket=backend.bucket)[
        "ServerSideEncryptionConfiguration"
    ]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": key,
    }


def test_bucket_in_another_region_is_refused(backend: Backend) -> None:
    backend.client.create_bucket(
        Bucket=backend.bucket, CreateBucketConfiguration={"LocationConstraint": "sa-east-1"}
    )
    ended = backend.run("--no-init")
    assert ended.returncode == 1
    assert "is in sa-east-1, not in us-east-1" in ended.stderr


@pytest.mark.parametrize("name", ["Capitals", "a", "x-", "dots.are.bad"])
def test_name_that_no_bucket_can_have_is_refused(backend: Backend, name: str) -> None:
    ended = backend.run("--no-init", bucket=name)
    assert ended.returncode == 1
    assert f"{name} can't be a bucket's name" in ended.stderr


def test_terraform_is_initialised_with_the_file(backend: Backend) -> None:
    backend.install_terraform()
    ended = backend.run("--", "-migrate-state")
    assert ended.stdout.splitlines()[-1] == (
        f"terraform -chdir={backend.module} init -input=false -backend-config=backend.hcl -migrate-state"
    )


def test_failed_initialisation_is_the_scripts_exit_status(backend: Backend) -> None:
    backend.install_terraform(status=3)
    assert backend.run().returncode == 3


def test_missing_terraform_is_said_with_the_command_to_run(backend: Backend) -> None:
    ended = backend.run()
    assert ended.returncode == 0
    assert "Terraform is not installed here. Where it is: terraform -chdir=" in ended.stdout


def test_unreachable_aws_ends_with_one_line(backend: Backend, tmp_path: Path) -> None:
    ended = subprocess.run(
        [str(ROOT / "scripts" / "setup-backend.sh"), "--module", str(backend.module)],
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHON": sys.executable,
            "HOME": str(tmp_path),
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr == "AWS: Unable to locate credentials\n"
