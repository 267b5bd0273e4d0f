"""Each environment variable that Terraform, the image or docker-compose sets is one of the server's."""

import re
from pathlib import Path

import pytest

from novasonic.lambda_secrets import SECRETS
from novasonic.settings import Environment

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parents[2]
ASSIGNMENT = re.compile(r"\b([A-Z][A-Z0-9_]{2,})\s*=(?!=)")


def assigned_variables() -> dict[str, str]:
    """Return the upper-case names that the module assigns to, and the file of each."""
    return {
        name: file.name
        for file in sorted((ROOT / "terraform").glob("*.tf"))
        for name in ASSIGNMENT.findall(file.read_text())
        if file.name != "monitoring.tf"  # its upper-case names are CloudWatch's
    }


def test_every_variable_of_the_module_is_a_variable_of_the_server() -> None:
    unknown = {
        name: file
        for name, file in assigned_variables().items()
        if name not in Environment.model_fields
    }

    assert not unknown


def test_module_sets_what_production_needs() -> None:
    needed = {"SITE_URL", "PROXIES", "HOST", "DJANGO_SECRET_KEY", "DATABASE_URL", "ORDERS_TABLE"}

    assert needed <= set(assigned_variables())


def test_lambda_reads_the_secrets_that_the_module_makes() -> None:
    secrets = (ROOT / "terraform" / "secrets.tf").read_text()

    assert all(re.search(rf"^\s+{name}\s+=", secrets, re.MULTILINE) for name in SECRETS)
