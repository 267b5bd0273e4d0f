"""Make the bucket of Terraform's state, write the file that names it, and initialise Terraform.

The bucket keeps old versions, encrypts, has no public access and accepts TLS 1.2 or newer only. Terraform
locks the state with an object beside it, so no lock table is needed. Safe to run twice: what is in order
stays as it is, and rules that others added stay, too.

Needed permissions: sts:GetCallerIdentity; on the bucket s3:CreateBucket, s3:ListBucket, and Get… and Put… of
BucketVersioning, EncryptionConfiguration, BucketPublicAccessBlock, BucketOwnershipControls, BucketPolicy and
LifecycleConfiguration.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError
from stack import MODULE, run

BACKEND_FILE = "backend.hcl"
PUBLIC_ACCESS_BLOCK = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
OWNERSHIP = "BucketOwnerEnforced"
KEPT_VERSIONS = 10
KEPT_DAYS = 90
UNFINISHED_DAYS = 7
OWN_RULES: list[dict[str, Any]] = [
    {
        "ID": "old-versions",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "NoncurrentVersionExpiration": {
            "NoncurrentDays": KEPT_DAYS,
            "NewerNoncurrentVersions": KEPT_VERSIONS,
        },
    },
    {
        "ID": "unfinished-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": UNFINISHED_DAYS},
    },
]
"""Lifecycle rules. None deletes the current state."""
BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
OTHER_REGION = {"301", "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of the bucket: what it is, what it should be, and how to store it.

    Attributes:
        name: What the report calls it.
        wanted: The value it should have.
        current: The value it has; None if it has none.
        store: Stores the wanted value.

    """

    name: str
    wanted: Any
    current: Any
    store: Callable[[], object]

    @property
    def is_in_order(self) -> bool:
        """Whether nothing is to be done."""
        return bool(self.wanted == self.current)


class StateBucket:
    """The bucket, whose owner must be our account."""

    def __init__(self, client: Any, name: str, *, region: str, account: str) -> None:
        self.name = name
        self._client, self._region = client, region
        self._ours = {"Bucket": name, "ExpectedBucketOwner": account}

    def exists(self) -> bool:
        """Whether the bucket is there, in our account and Region; ends the script if it is elsewhere."""
        try:
            response = self._client.head_bucket(**self._ours)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in {"404", "NoSuchBucket"}:
                return False
            if code in {"403", "AccessDenied"}:
                sys.exit(
                    f"The bucket {self.name} belongs to another account, or s3:ListBucket is denied. "
                    "Choose another name with --bucket."
                )
            if code in OTHER_REGION:
                self._refuse_region("another Region")
            raise
        region = response.get("BucketRegion") or self._region
        if region != self._region:
            self._refuse_region(region)
        return True

    def _refuse_region(self, region: str) -> None:
        sys.exit(f"The bucket {self.name} is in {region}, not in {self._region}: see --region.")

    def create(self) -> None:
        """Create the bucket."""
        location = {} if self._region == "us-east-1" else {
            "CreateBucketConfiguration": {"LocationConstraint": self._region}
        }  # fmt: skip
        try:
            self._client.create_bucket(Bucket=self.name, ObjectOwnership=OWNERSHIP, **location)
        except ClientError as error:
            if error.response["Error"]["Code"] == "BucketAlreadyExists":
                sys.exit(f"The bucket name {self.name} is taken by another account: see --bucket.")
            raise

    def settings(self, kms_key: str | None) -> list[Setting]:
        """Return all settings with their current values."""
        client, ours = self._client, self._ours
        ownership = {"Rules": [{"ObjectOwnership": OWNERSHIP}]}
        policy = self._policy()
        lifecycle = self._lifecycle()
        encryption = self._encryption()
        wanted_encryption = _encryption_rule(kms_key) if kms_key or not encryption else encryption
        return [
            Setting(
                "public access block",
                PUBLIC_ACCESS_BLOCK,
                self._read_setting("get_public_access_block", "PublicAccessBlockConfiguration"),
                lambda: client.put_public_access_block(
                    **ours, PublicAccessBlockConfiguration=PUBLIC_ACCESS_BLOCK
                ),
            ),
            Setting(
                "ownership",
                ownership,
                self._read_setting("get_bucket_ownership_controls", "OwnershipControls"),
                lambda: client.put_bucket_ownership_controls(**ours, OwnershipControls=ownership),
            ),
            Setting(
                "versioning",
                "Enabled",
                self._read_setting("get_bucket_versioning", "Status"),
                lambda: client.put_bucket_versioning(
                    **ours, VersioningConfiguration={"Status": "Enabled"}
                ),
            ),
            Setting(
                "encryption",
                wanted_encryption,
                encryption,
                lambda: client.put_bucket_encryption(
                    **ours, ServerSideEncryptionConfiguration={"Rules": [wanted_encryption]}
                ),
            ),
            Setting(
                "TLS only",
                _with_tls_only(policy, self.name),
                policy,
                lambda: client.put_bucket_policy(
                    **ours, Policy=json.dumps(_with_tls_only(policy, self.name))
                ),
            ),
            Setting(
                "lifecycle",
                _with_own_rules(lifecycle),
                lifecycle,
                lambda: client.put_bucket_lifecycle_configuration(
                    **ours, LifecycleConfiguration={"Rules": _with_own_rules(lifecycle)}
                ),
            ),
        ]

    def _read_setting(self, operation: str, name: str) -> Any:
        """Return a part of an operation's response, or None if the bucket has no such setting."""
        try:
            return getattr(self._client, operation)(**self._ours).get(name)
        except ClientError as error:
            # NoSuchBucketPolicy, NoSuchLifecycleConfiguration, OwnershipControlsNotFoundError …
            code = error.response["Error"]["Code"]
            if code.startswith("NoSuch") or code.endswith(("NotFound", "NotFoundError")):
                return None
            raise

    def _policy(self) -> dict[str, Any] | None:
        text = self._read_setting("get_bucket_policy", "Policy")
        return None if text is None else dict(json.loads(text))

    def _lifecycle(self) -> list[dict[str, Any]]:
        return self._read_setting("get_bucket_lifecycle_configuration", "Rules") or []

    def _encryption(self) -> dict[str, Any] | None:
        found = self._read_setting("get_bucket_encryption", "ServerSideEncryptionConfiguration")
        rules = (found or {}).get("Rules", [])
        return dict(rules[0]) if rules else None


def _encryption_rule(kms_key: str | None) -> dict[str, Any]:
    if kms_key is None:
        return {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    encryption = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": kms_key}
    return {"ApplyServerSideEncryptionByDefault": encryption, "BucketKeyEnabled": True}


def _with_tls_only(policy: dict[str, Any] | None, bucket: str) -> dict[str, Any]:
    """Return the policy with our two statements in place of earlier ones of the same names."""
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    denied = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": resources}
    ours = [
        {"Sid": "TlsOnly", **denied, "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Sid": "Tls12OrNewer", **denied, "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}}},
    ]  # fmt: skip
    names = {statement["Sid"] for statement in ours}
    existing = policy or {"Version": "2012-10-17", "Statement": []}
    others = [each for each in existing["Statement"] if each.get("Sid") not in names]
    return {**existing, "Statement": [*others, *ours]}


def _with_own_rules(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the lifecycle rules with our two in place of earlier ones of the same names."""
    names = {rule["ID"] for rule in OWN_RULES}
    own = [_stored_form(rule, rules) for rule in OWN_RULES]
    return [*(rule for rule in rules if rule.get("ID") not in names), *own]


def _stored_form(rule: dict[str, Any], stored: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the stored rule if it says the same as ours, else ours.

    What S3 returns lacks parts of what it was given (moto: NewerNoncurrentVersions), or has defaults besides.
    """
    same_name = (each for each in stored if each.get("ID") == rule["ID"])
    existing = next(same_name, None)
    is_same = existing is not None and all(
        existing.get(name) == value
        or (
            isinstance(value, dict)
            and bool(existing.get(name))
            and existing[name].items() <= value.items()
        )
        for name, value in rule.items()
    )
    return existing if existing is not None and is_same else rule


# --- Files and Terraform


def variables_of(module: Path) -> dict[str, str]:
    """Return the texts that terraform.tfvars assigns, as far as a line assigns one."""
    file = module / "terraform.tfvars"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    matches = (re.match(r'\s*(\w+)\s*=\s*"([^"\\]*)"', line) for line in lines)
    return {match[1]: match[2] for match in matches if match}


def write_backend_file(module: Path, *, bucket: str, key: str, region: str) -> bool:
    """Write the backend file; return whether it changed. Ends the script if it names another state."""
    file = module / BACKEND_FILE
    values = {"bucket": bucket, "key": key, "region": region}
    text = "# Written by scripts/setup-backend.sh.\n" + "".join(
        f'{name.ljust(6)} = "{value}"\n' for name, value in values.items()
    )
    if file.exists():
        existing = file.read_text(encoding="utf-8")
        if existing == text:
            return False
        named = dict(re.findall(r'^\s*(\w+)\s*=\s*"([^"]*)"', existing, re.MULTILINE))
        if differing := [name for name in values if name in named and named[name] != values[name]]:
            sys.exit(
                f"{file} names another {differing[0]}: {named[differing[0]]}. That is where Terraform's state "
                "is. Delete the file if you mean to leave it."
            )
    file.write_text(text, encoding="utf-8")
    return True


def initialise_terraform(module: Path, arguments: list[str]) -> int:
    """Run `terraform init` and return its exit status; without Terraform, say how to run it."""
    command = [
        "terraform", f"-chdir={module}", "init", "-input=false", f"-backend-config={BACKEND_FILE}", *arguments,
    ]  # fmt: skip
    if shutil.which("terraform") is None:
        print(f"Terraform is not installed here. Where it is: {' '.join(command)}")
        return 0
    return subprocess.run(command, check=False).returncode


# --- The script


def main() -> int:
    """Make the bucket, write the file, and initialise Terraform; return the exit status."""
    options = _options()
    session = boto3.session.Session()
    account = session.client("sts", region_name=options.region).get_caller_identity()["Account"]
    name = options.bucket or f"{options.project}-{options.stage}-terraform-{account}"
    if not BUCKET_NAME.fullmatch(name):
        sys.exit(
            f"{name} can't be a bucket's name: 3 to 63 lower-case letters, digits and hyphens."
        )
    client = session.client("s3", region_name=options.region)
    bucket = StateBucket(client, name, region=options.region, account=account)
    if not _set_up(bucket, options.kms_key, check=options.check):
        return 1
    if options.check:
        return 0
    key = options.key or f"{options.project}/{options.stage}/terraform.tfstate"
    changed = write_backend_file(options.module, bucket=name, key=key, region=options.region)
    print(f"{options.module / BACKEND_FILE}: {'written' if changed else 'in order'}", flush=True)
    return (
        0 if options.no_init else initialise_terraform(options.module, options.terraform_arguments)
    )


def _set_up(bucket: StateBucket, kms_key: str | None, *, check: bool) -> bool:
    """Create and set what is missing, or with `check` only report it; return whether all is in order."""
    if not bucket.exists():
        if check:
            print(f"bucket {bucket.name}: missing")
            return False
        bucket.create()
        print(f"bucket {bucket.name}: created")
    else:
        print(f"bucket {bucket.name}: in order")
    is_in_order = True
    for setting in bucket.settings(kms_key):
        if setting.is_in_order:
            print(f"{setting.name}: in order")
        elif check:
            print(f"{setting.name}: missing")
            is_in_order = False
        else:
            setting.store()
            print(f"{setting.name}: set")
    return is_in_order


def _options() -> argparse.Namespace:
    summary, _, details = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        prog="setup-backend.sh",
        description=f"{summary}\n{details}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Defaults of --project, --stage and --region come from terraform/terraform.tfvars, if it exists.",
    )
    parser.add_argument(
        "--module", type=Path, default=MODULE, help="folder of the Terraform module"
    )
    parser.add_argument("--project", help="project_name of the module (nova-sonic-server-app)")
    parser.add_argument("--stage", help="stage of the module (demo)")
    parser.add_argument("--region", help="Region of the bucket (us-east-1)")
    parser.add_argument("--bucket", help="name of the bucket (PROJECT-STAGE-terraform-ACCOUNT)")
    parser.add_argument("--key", help="name of the state (PROJECT/STAGE/terraform.tfstate)")
    parser.add_argument(
        "--kms-key", help="KMS key that encrypts; without it S3's own, or what is set"
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit status 1 if something is missing"
    )
    parser.add_argument("--no-init", action="store_true", help="don't run `terraform init`")
    parser.add_argument(
        "terraform_arguments",
        nargs="*",
        metavar="-- ARGUMENT",
        help="further arguments of `terraform init`, such as -- -migrate-state",
    )
    options = parser.parse_args()
    variables = variables_of(options.module)
    options.project = options.project or variables.get("project_name", "nova-sonic-server-app")
    options.stage = options.stage or variables.get("stage", "demo")
    options.region = options.region or variables.get("aws_region", "us-east-1")
    return options


if __name__ == "__main__":
    run(main)
