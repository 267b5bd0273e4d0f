"""Give each secret of the deployment a random value, unless it has one.

The values are made here and go to Secrets Manager; they are printed nowhere. Safe to run twice.
"""

import argparse
import secrets
from typing import Any

import boto3
from stack import add_outputs_option, read_outputs, run

RANDOM_BYTES = 50


def main() -> None:
    """Write the missing values, and new ones for the secrets to be replaced."""
    options = _options()
    arns: dict[str, str] = read_outputs(options.outputs)["secrets"]
    if unknown := set(options.replace) - arns.keys():
        raise SystemExit(f"No secret {', '.join(sorted(unknown))}; there are: {', '.join(arns)}")
    region = next(iter(arns.values())).split(":")[3]
    client = boto3.client("secretsmanager", region_name=region)
    for name, arn in sorted(arns.items()):
        is_replaced = name in options.replace
        if is_replaced or not has_value(client, arn):
            value = secrets.token_urlsafe(RANDOM_BYTES)
            client.put_secret_value(SecretId=arn, SecretString=value)
            print(f"{name}: {'replaced' if is_replaced else 'set'}")
        else:
            print(f"{name}: has a value")


def has_value(client: Any, arn: str) -> bool:
    """Whether a secret has a current value. The value itself is not read."""
    versions = client.describe_secret(SecretId=arn).get("VersionIdsToStages") or {}
    return any("AWSCURRENT" in stages for stages in versions.values())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="set-secrets", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--replace",
        action="append",
        default=[],
        metavar="NAME",
        help="give this secret a new value, e.g. django-secret-key: it ends all sessions, and active calls "
        "can't be restored; restart the services afterwards",
    )
    add_outputs_option(parser)
    return parser.parse_args()


if __name__ == "__main__":
    run(main)
