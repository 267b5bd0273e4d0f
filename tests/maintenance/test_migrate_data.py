"""migrate_data on the stand-in: backup, resuming, undoing, and what happens when something breaks half-way."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, override

import pytest
from django.core.management.base import CommandError
from django.test import override_settings

from appointments.repository import calendar_day_from_raw
from common import clock
from common.dynamodb.bulk import BulkClient, Item
from common.dynamodb.items import to_json
from maintenance import data_migrations, migration_command
from maintenance.data_migrations.base import Context, ItemChange, Migration, Report
from maintenance.management.commands import migrate_data
from maintenance.migrating import LEASE
from tests.fixtures.dynamodb_proxy import DynamoDBProxy, ProxyState, running_proxy
from tests.maintenance.conftest import RunCommand
from tests.maintenance.earlier_system import earlier_appointment, earlier_order
from tests.maintenance.items import appointment, order, store_items, stored

MANY = 60
"""More changes than the 50 of one transaction."""


def fill(client: BulkClient) -> None:
    store_items(client, "orders", *(earlier_order(str(number)) for number in range(1, MANY + 1)))
    store_items(
        client,
        "appointments",
        earlier_appointment("1"),
        earlier_appointment("2", date={"S": "2099-06-01T10:15:00"}, duration=None),
        earlier_appointment("3", status={"S": "perdido"}),
    )


def records(client: BulkClient) -> list[str]:
    """Return orders, appointments and doctor's days as texts."""
    items = [*stored(client, "orders").values(), *stored(client, "appointments").values()]
    return sorted(map(to_json, items))


def migrate(run: RunCommand, tmp_path: Path, *arguments: str) -> str:
    return run("migrate_data", "--backup", str(tmp_path / "backups"), *arguments)


def states(run: RunCommand) -> list[str]:
    """Return the states of all migrations in their order."""
    return [line[25:].split("  ")[0].strip() for line in run("migrate_data", "--list").splitlines()]


# --- A whole run


def test_earlier_systems_data_becomes_readable(
    client: BulkClient, run: RunCommand, tmp_path: Path
) -> None:
    fill(client)
    printed = migrate(run, tmp_path)
    assert "0001_earlier_system is applied: 62 items changed" in printed
    assert "1 times inferred: duration of 30 minutes where none was given" in printed
    assert "APPOINTMENT#3: status is 'perdido'" in printed
    assert "appointments 1 and 2 are at the same time" in printed
    items = stored(client, "appointments")
    assert items["APPOINTMENT#3"] == earlier_appointment("3", status={"S": "perdido"})
    day = calendar_day_from_raw(items["DOCTORDAY#rodriguez#2099-06-01"])
    assert set(day.bookings) == {"1", "2"}
    assert states(run) == ["applied", "applied"]


def test_second_run_changes_nothing(client: BulkClient, run: RunCommand, tmp_path: Path) -> None:
    fill(client)
    migrate(run, tmp_path)
    before = records(client)
    assert "All data migrations are applied." in migrate(run, tmp_path)
    assert records(client) == before


def test_backup_is_made_first_and_restores_what_was(
    client: BulkClient, run: RunCommand, tmp_path: Path
) -> None:
    fill(client)
    before = records(client)
    place = migrate(run, tmp_path).splitlines()[0].removeprefix("Backup: ")
    run("restore_tables", place, "--replace")
    assert records(client) == before
    assert states(run) == ["not applied", "not applied"]


def test_run_without_a_place_for_the_backup_changes_nothing(
    client: BulkClient, run: RunCommand, tmp_path: Path
) -> None:
    fill(client)
    before = records(client)
    (tmp_path / "backups").write_text("a file")
    with pytest.raises(CommandError, match="can't be written"):
        migrate(run, tmp_path)
    assert records(client) == before
    assert states(run) == ["not applied", "not applied"]


def test_dry_run_reports_all_migrations_and_writes_nothing(
    client: BulkClient, run: RunCommand, tmp_path: Path
) -> None:
    fill(client)
    before = records(client)
    report = tmp_path / "report.json"
    printed = run("migrate_data", "--dry-run", "--report", str(report))
    assert "0001_earlier_system would change 62 items" in printed
    assert "0002_doctor_days would change 2 items" in printed  # on what 0001 would store
    assert records(client) == before
    assert stored(client, "calls") == {}
    problems = [each["problems"] for each in json.loads(report.read_text())["migrations"]]
    assert problems == [
        ["APPOINTMENT#3: status is 'perdido'"],
        ["appointments 1 and 2 are at the same time"],
    ]


def test_strict_run_changes_nothing_if_a_record_needs_people(
    client: BulkClient, run: RunCommand, tmp_path: Path
) -> None:
    fill(client)
    before = records(client)
    with pytest.raises(CommandError, match="can't migrate 1 records; nothing was changed"):
        migrate(run, tmp_path, "--strict")
    assert records(client) == before


def test_report_has_the_tables_before_and_after(
    client: BulkClient, run: RunCommand, tmp_path: Path
) -> None:
    fill(client)
    report = tmp_path / "report.json"
    migrate(run, tmp_path, "--report", str(report))
    first, second = json.loads(report.read_text())["migrations"]
    unreadable = [
        sum(
            each["count"]
            for each in first["integrity"][when]["findings"]
            if each["code"] == "unreadable"
        )
        for when in ("before", "after")
    ]
    assert unreadable == [63, 1]
    assert first["integrity"]["violations"] == []
    assert first["changes"] == {"appointment converted": 2, "order converted": 60}
    assert second["integrity"]["after"]["appointments"]["byStatus"] == {"scheduled": 2}


def test_run_on_aws_needs_allow_production(
    client: BulkClient, run: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maintenance.commands.is_aws", lambda: True)
    with pytest.raises(CommandError, match="add --allow-production"):
        migrate(run, tmp_path)


# --- Undoing


def test_undo_restores_every_item(client: BulkClient, run: RunCommand, tmp_path: Path) -> None:
    fill(client)
    before = records(client)
    migrate(run, tmp_path)
    with pytest.raises(CommandError, match="Undo the later ones first: 0002_doctor_days"):
        run("migrate_data", "--undo", "0001")
    run("migrate_data", "--undo", "0002")
    assert "62 items restored" in run("migrate_data", "--undo", "0001")
    assert records(client) == before
    assert states(run) == ["undone", "undone"]


def test_undo_keeps_what_somebody_changed_since(
    client: BulkClient, run: RunCommand, tmp_path: Path
) -> None:
    store_items(client, "orders", earlier_order("1"), earlier_order("2"))
    migrate(run, tmp_path, "--only", "0001")
    changed = {**stored(client, "orders")["ORDER#1"], "status": {"S": "shipped"}}
    store_items(client, "orders", changed)
    with pytest.raises(CommandError, match=r"1 items were changed by others.*ORDER#1"):
        run("migrate_data", "--undo", "0001")
    assert stored(client, "orders") == {"ORDER#1": changed, "ORDER#2": earlier_order("2")}


def test_undone_migration_can_be_applied_again(
    client: BulkClient, run: RunCommand, tmp_path: Path
) -> None:
    fill(client)
    migrate(run, tmp_path, "--only", "0001")
    after = records(client)
    run("migrate_data", "--undo", "0001")
    migrate(run, tmp_path, "--only", "0001")
    assert records(client) == after


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--undo", "0001"), "0001_earlier_system is not applied"),
        (("--undo", "0009"), "no data migration 0009; there are 0001_earlier_system"),
        (("--only", "0009"), "no data migration 0009"),
    ],
)
def test_impossible_request_is_refused(
    client: BulkClient, run: RunCommand, arguments: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(CommandError, match=reason):
        run("migrate_data", *arguments)


def test_applied_migration_can_be_repeated_by_name(
    client: BulkClient, run: RunCommand, tmp_path: Path
) -> None:
    store_items(client, "appointments", appointment("1", "2099-06-01T23:00:00.000Z"))
    migrate(run, tmp_path)
    with override_settings(CLINIC_TIME_ZONE="Asia/Tokyo"):  # where it is the next day
        migrate(run, tmp_path, "--only", "0002")
    days = {
        key: set(calendar_day_from_raw(item).bookings)
        for key, item in stored(client, "appointments").items()
        if key.startswith("DOCTORDAY")
    }
    assert days == {
        "DOCTORDAY#rodriguez#2099-06-01": set(),
        "DOCTORDAY#rodriguez#2099-06-02": {"1"},
    }


# --- Failures


class Breaking(Migration):
    """Changes the status of orders, and fails at one of them."""

    name = "0001_breaking"
    description = "Ship all orders"
    breaks_at: ClassVar[int | None] = None
    damage: ClassVar[Callable[[Item], Item]] = staticmethod(
        lambda item: {**item, "status": {"S": "shipped"}}
    )

    @override
    def plan(self, context: Context, report: Report) -> Iterator[ItemChange]:
        for number, item in enumerate(context.source.scan("orders")):
            if number == self.breaks_at:
                raise RuntimeError("it broke at the worst moment")
            after = type(self).damage(item)
            if after != item:
                yield ItemChange(table="orders", before=item, after=after, reason="shipped")


@contextmanager
def migrations(*listed: Migration) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (migrate_data, migration_command, data_migrations):
            patch.setattr(module, "MIGRATIONS", listed)
        yield


@pytest.fixture
def breaking(client: BulkClient) -> Iterator[type[Breaking]]:
    """A migration of its own class, the only one there is; and orders for it."""
    store_items(client, "orders", *(order(str(number)) for number in range(1, MANY + 1)))
    own = type("Own", (Breaking,), {})
    with migrations(own()):
        yield own


def test_migration_that_breaks_half_way_is_undone(
    client: BulkClient, run: RunCommand, tmp_path: Path, breaking: type[Breaking]
) -> None:
    before = records(client)
    breaking.breaks_at = 55
    with pytest.raises(
        CommandError, match=r"failed and was undone, 50 items restored.*at the worst moment"
    ):
        migrate(run, tmp_path)
    assert records(client) == before
    assert states(run) == ["undone"]


def test_items_that_others_changed_meanwhile_survive_the_undoing(
    client: BulkClient, run: RunCommand, tmp_path: Path, breaking: type[Breaking]
) -> None:
    breaking.breaks_at = 55
    theirs = order("1", status={"S": "cancelled"}, updatedAt={"S": "2099-02-01T00:00:00.000Z"})
    done: list[Item] = []

    def damage(item: Item) -> Item:
        if len(done) == 52:  # the first 50 were written
            store_items(client, "orders", theirs)
        done.append(item)
        return {**item, "status": {"S": "shipped"}}

    breaking.damage = staticmethod(damage)
    with pytest.raises(CommandError, match="failed and was undone"):
        migrate(run, tmp_path)
    assert stored(client, "orders")["ORDER#1"] == theirs
    others = [each for key, each in stored(client, "orders").items() if key != "ORDER#1"]
    assert {each["status"]["S"] for each in others} == {"pending"}


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (
            lambda item: {**item, "status": {"S": "Shipped"}},
            "there are 60 records that the server",
        ),
        (lambda item: {**item, "total": {"S": "1"}}, "there are 60 records that the server"),
        (lambda item: {**item, "id": {"S": "x"}}, "60 records whose keys don't belong"),
    ],
    ids=["status", "total", "id"],
)
def test_migration_that_damages_records_is_undone(
    client: BulkClient,
    run: RunCommand,
    tmp_path: Path,
    breaking: type[Breaking],
    damage: Callable[[Item], Item],
    reason: str,
) -> None:
    before = records(client)
    breaking.damage = staticmethod(damage)
    with pytest.raises(CommandError, match=reason):
        migrate(run, tmp_path)
    assert records(client) == before


class Deleting(Migration):
    """Deletes every order, which no migration may."""

    name = "0001_deleting"
    description = "Delete all orders"

    @override
    def plan(self, context: Context, report: Report) -> Iterator[ItemChange]:
        for item in context.source.scan("orders"):
            yield ItemChange(table="orders", before=item, after=None, reason="deleted")


def test_migration_that_loses_records_is_undone(
    client: BulkClient, run: RunCommand, tmp_path: Path
) -> None:
    store_items(client, "orders", order("1"), order("2"))
    before = records(client)
    with (
        migrations(Deleting()),
        pytest.raises(CommandError, match="2 records of orders are gone: 1, 2"),
    ):
        migrate(run, tmp_path)
    assert records(client) == before


def test_migration_whose_plan_never_ends_is_undone(
    client: BulkClient, run: RunCommand, tmp_path: Path, breaking: type[Breaking]
) -> None:
    before = records(client)
    flip = {"pending": "shipped", "shipped": "pending"}
    breaking.damage = staticmethod(
        lambda item: {**item, "status": {"S": flip[item["status"]["S"]]}}
    )
    with pytest.raises(CommandError, match="still finds something to change after 8 passes"):
        migrate(run, tmp_path)
    assert records(client) == before


@pytest.fixture
def proxy(client: BulkClient, dynamodb: str) -> Iterator[DynamoDBProxy]:
    """A DynamoDB that fails on command; the settings lead to it."""
    with running_proxy(dynamodb) as running, override_settings(DYNAMODB_ENDPOINT_URL=running.url):
        yield running


def test_lost_connection_leaves_a_migration_that_can_be_resumed(
    client: BulkClient, run: RunCommand, tmp_path: Path, proxy: DynamoDBProxy
) -> None:
    fill(client)
    # One transaction passes; every later one is refused.
    proxy.state, proxy.operation, proxy.skip = ProxyState.DENY, "TransactWriteItems", 1
    with pytest.raises(CommandError, match=r"0001_earlier_system was interrupted.*to go on"):
        migrate(run, tmp_path)
    converted = [each for each in stored(client, "orders").values() if "N" in each["total"]]
    assert len(converted) == 50
    proxy.reset()
    printed = migrate(run, tmp_path)
    assert "0001_earlier_system is applied: 12 items changed" in printed
    assert states(run) == ["applied", "applied"]


def test_undo_after_an_interruption_restores_both_parts(
    client: BulkClient, run: RunCommand, tmp_path: Path, proxy: DynamoDBProxy
) -> None:
    fill(client)
    before = records(client)
    proxy.state, proxy.operation, proxy.skip = ProxyState.DENY, "TransactWriteItems", 1
    with pytest.raises(CommandError, match="was interrupted"):
        migrate(run, tmp_path, "--only", "0001")
    proxy.reset()
    migrate(run, tmp_path, "--only", "0001")
    run("migrate_data", "--undo", "0001")
    assert records(client) == before


def test_undoing_that_is_interrupted_is_completed_by_the_next(
    client: BulkClient, run: RunCommand, tmp_path: Path, proxy: DynamoDBProxy
) -> None:
    fill(client)
    before = records(client)
    migrate(run, tmp_path, "--only", "0001")
    proxy.state, proxy.operation, proxy.skip = ProxyState.DENY, "TransactWriteItems", 3
    with pytest.raises(Exception, match="unavailable"):
        run("migrate_data", "--undo", "0001")
    proxy.reset()
    with pytest.raises(CommandError, match="The undoing of 0001_earlier_system was interrupted"):
        migrate(run, tmp_path, "--only", "0001")
    run("migrate_data", "--undo", "0001")
    assert records(client) == before


def test_migration_of_another_process_is_left_alone_until_its_lease_ends(
    client: BulkClient,
    run: RunCommand,
    tmp_path: Path,
    breaking: type[Breaking],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def crash(item: Item) -> Item:
        raise SystemExit  # as a killed process: nothing is undone or released

    breaking.damage = staticmethod(crash)
    with pytest.raises(SystemExit):
        migrate(run, tmp_path)
    breaking.damage = Breaking.damage
    with pytest.raises(CommandError, match="Another process works on 0001_breaking"):
        migrate(run, tmp_path)
    later = clock.now() + LEASE + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert "is applied: 60 items changed" in migrate(run, tmp_path)


def test_ctrl_c_leaves_a_migration_that_can_be_resumed_at_once(
    client: BulkClient, run: RunCommand, tmp_path: Path, breaking: type[Breaking]
) -> None:
    seen: list[Item] = []

    def interrupt(item: Item) -> Item:
        seen.append(item)
        if len(seen) == 55:
            raise KeyboardInterrupt
        return {**item, "status": {"S": "shipped"}}

    breaking.damage = staticmethod(interrupt)
    with pytest.raises(KeyboardInterrupt):
        migrate(run, tmp_path)
    assert states(run) == ["running"]
    assert "is applied: 10 items changed" in migrate(run, tmp_path)


def test_record_that_a_customer_changes_meanwhile_is_planned_again(
    client: BulkClient, run: RunCommand, tmp_path: Path, breaking: type[Breaking]
) -> None:
    theirs = order("9", customerName={"S": "Otro"}, updatedAt={"S": "2099-02-01T00:00:00.000Z"})
    seen: set[str] = set()

    def change(item: Item) -> Item:
        if item["PK"]["S"] == "ORDER#9" and "ORDER#9" not in seen:
            seen.add("ORDER#9")
            store_items(client, "orders", theirs)  # between the plan and the write
        return {**item, "status": {"S": "shipped"}}

    breaking.damage = staticmethod(change)
    assert "is applied: 60 items changed" in migrate(run, tmp_path)
    assert stored(client, "orders")["ORDER#9"] == {**theirs, "status": {"S": "shipped"}}
