"""What is deleted or encrypted by an attacker can be restored (issue 14, row 22).

`tests/maintenance/test_backups.py` shows that backups are made, verified and restored, and
`tests/maintenance/test_migrate_data.py` that a migration makes one first.
"""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parents[2]
TERRAFORM = ROOT / "terraform"


def block(file: str, resource: str) -> str:
    """Return the text of a resource, up to the next one."""
    _, _, rest = (TERRAFORM / file).read_text().partition(f'resource "{resource}"')
    assert rest, resource
    return rest.partition("\nresource ")[0]


def test_tables_have_point_in_time_recovery_and_deletion_protection() -> None:
    tables = block("dynamodb.tf", "aws_dynamodb_table")
    assert re.search(r"point_in_time_recovery \{\s+enabled = true", tables)
    assert re.search(r"deletion_protection_enabled = !var\.force_destroy\b", tables)


def test_database_of_staff_is_backed_up_and_protected() -> None:
    cluster = block("database.tf", "aws_rds_cluster")
    assert re.search(r"deletion_protection +\s*= !var\.force_destroy\b", cluster)
    assert "backup_retention_days" in cluster
    days = re.search(
        r"backup_retention_days = optional\(number, (\d+)\)",
        (TERRAFORM / "variables.tf").read_text(),
    )
    assert days is not None
    assert int(days[1]) >= 7


def test_stages_are_protected_unless_they_say_otherwise() -> None:
    variables = (TERRAFORM / "variables.tf").read_text()
    force_destroy = variables.partition('variable "force_destroy"')[2].partition("\n}")[0]
    assert re.search(r"default +\s*= false", force_destroy)
