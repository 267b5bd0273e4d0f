"""test_migration: a rehearsal on copies; the real tables are only read, and the copies don't remain."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import override

import pytest
from django.core.management.base import CommandError

from common.dynamodb.bulk import BulkClient
from maintenance import data_migrations, migration_command
from maintenance.data_migrations.base import Context, ItemChange, Migration, Report
from tests.maintenance.conftest import RunCommand
from tests.maintenance.earlier_system import earlier_appointment, earlier_order
from tests.maintenance.items import order, store_items, stored


def tables_of(client: BulkClient) -> list[str]:
    names: list[str] = client.call("list_tables")["TableNames"]
    return [name for name in names if "rehearsal" in name]


def fill(client: BulkClient) -> None:
    store_items(client, "orders", earlier_order("1"), earlier_order("2", total={"S": "no"}))
    store_items(client, "appointments", earlier_appointment("1"), earlier_appointment("2"))


def test_rehearsal_applies_and_undoes_everything_on_copies(
    client: BulkClient, run: RunCommand, tmp_path: Path
) -> None:
    fill(client)
    report = tmp_path / "report.json"
    printed = run("test_migration", "--report", str(report))
    assert "0001_earlier_system: 3 items changed" in printed
    assert "ORDER#2: total is no number" in printed
    assert "0002_doctor_days: 2 items changed" in printed
    assert "Undone: orders and appointments are as they were before." in printed
    content = json.loads(report.read_text())
    assert (content["ok"], content["failures"]) == (True, [])
    assert [each["name"] for each in content["migrations"]] == [
        "0001_earlier_system",
        "0002_doctor_days",
    ]


def test_rehearsal_leaves_the_real_tables_and_no_copies(
    client: BulkClient, run: RunCommand
) -> None:
    fill(client)
    before = [stored(client, label) for label in ("orders", "appointments", "calls")]
    run("test_migration")
    assert [stored(client, label) for label in ("orders", "appointments", "calls")] == before
    assert tables_of(client) == []


def test_rehearsal_on_a_backup_does_not_read_the_tables(
    client: BulkClient, run: RunCommand, tmp_path: Path
) -> None:
    fill(client)
    place = json.loads(run("backup_tables", str(tmp_path), "--json"))["location"]
    run("migrate_data", "--backup", str(tmp_path))
    assert "All data migrations are applied" in run("test_migration")
    assert "0001_earlier_system: 3 items changed" in run("test_migration", "--from", place)


class Losing(Migration):
    """Deletes an order."""

    name = "0001_losing"
    description = "Delete an order"

    @override
    def plan(self, context: Context, report: Report) -> Iterator[ItemChange]:
        for item in context.source.scan("orders"):
            if item["id"] == {"S": "1"}:
                yield ItemChange(table="orders", before=item, after=None, reason="deleted")


class Failing(Migration):
    """Fails before it plans anything."""

    name = "0001_failing"
    description = "Fail"

    @override
    def plan(self, context: Context, report: Report) -> Iterator[ItemChange]:
        raise RuntimeError("no plan")


@pytest.mark.parametrize(
    ("migration", "reason"),
    [(Losing(), "1 records of orders are gone: 1"), (Failing(), "failed and was undone.*no plan")],
    ids=["losing", "failing"],
)
def test_migration_that_goes_wrong_fails_the_rehearsal(
    client: BulkClient,
    run: RunCommand,
    monkeypatch: pytest.MonkeyPatch,
    migration: Migration,
    reason: str,
) -> None:
    store_items(client, "orders", order("1"), order("2"))
    for module in (migration_command, data_migrations):
        monkeypatch.setattr(module, "MIGRATIONS", (migration,))
    with pytest.raises(CommandError, match=reason):
        run("test_migration")
    assert set(stored(client, "orders")) == {"ORDER#1", "ORDER#2"}
    assert tables_of(client) == []


def test_rehearsal_on_aws_needs_allow_production(
    client: BulkClient, run: RunCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maintenance.commands.is_aws", lambda: True)
    with pytest.raises(CommandError, match="add --allow-production"):
        run("test_migration")
