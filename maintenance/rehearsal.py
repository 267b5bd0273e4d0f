"""Rehearse data migrations on copies of the tables: apply, compare, undo, compare again."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from common.dynamodb.bulk import BulkClient, Item
from common.dynamodb.items import ContentDigest
from common.dynamodb.schema import TableSchema
from maintenance.data_migrations.base import Migration
from maintenance.errors import MaintenanceError
from maintenance.inspection import Inspection
from maintenance.migrating import MigrationError, MigrationRunner
from maintenance.migration_run import MigrationResult, run_migration
from maintenance.tables import TableNames

STATUS_POLL_S = 0.5
ACTIVE_TIMEOUT_S = 300.0
RECORD_TABLES = ("orders", "appointments")
"""The tables that must be as before once everything is undone; that of the calls has the undo items."""


@dataclass(slots=True)
class Rehearsal:
    """What a rehearsal showed.

    Attributes:
        results: The migrations that were applied, with the tables before and after.
        seconds: How long each took.
        failures: What went wrong; empty if all migrations can be applied and undone.

    """

    results: list[MigrationResult] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "ok": not self.failures,
            "failures": self.failures,
            "migrations": [
                {**result.as_dict(), "seconds": round(self.seconds[result.migration.name], 2)}
                for result in self.results
            ],
        }


@contextmanager
def copied_tables(
    client: BulkClient, tables: TableNames, schemas: Mapping[str, TableSchema], *, suffix: str
) -> Iterator[dict[str, str]]:
    """Create empty tables beside the real ones, and delete them at the end.

    Their names begin with those of the real ones, so that permissions by prefix hold for them, too.
    """
    copies = {label: f"{name}-rehearsal-{suffix}" for label, name in tables.items()}
    created = []
    try:
        for label, name in copies.items():
            client.call("create_table", **schemas[label].create_parameters(name))
            created.append(name)
        for name in created:
            _wait_until_active(client, name)
        yield copies
    finally:
        for name in created:
            _wait_until_active(client, name)
            client.call("delete_table", TableName=name)


def _wait_until_active(client: BulkClient, name: str) -> None:
    deadline = time.monotonic() + ACTIVE_TIMEOUT_S
    while (description := client.describe_table(name)) is not None:
        if description["TableStatus"] == "ACTIVE":
            return
        if time.monotonic() > deadline:
            break
        time.sleep(STATUS_POLL_S)  # DynamoDB doesn't tell when a table is ready
    raise MaintenanceError(f"The table {name} isn't ready after {ACTIVE_TIMEOUT_S:.0f} s.")


def fill_table(
    client: BulkClient, name: str, items: Iterable[Item], on_item: Callable[[int], None]
) -> None:
    """Store items in a table."""
    for count in client.put_many(name, items):
        on_item(count)


def rehearse(
    runner: MigrationRunner,
    migrations: Iterable[Migration],
    *,
    inspect: Callable[[], Inspection],
    content: Callable[[str], ContentDigest],
    on_change: Callable[[int], None],
) -> Rehearsal:
    """Apply migrations, undo them, and compare what is there with what was.

    Args:
        runner: Works on the copies.
        migrations: What to rehearse, in order.
        inspect: Inspects the copies.
        content: Returns the digest of the copy with a label.
        on_change: Called with the number of items that were changed or restored just now.

    """
    rehearsal = Rehearsal()
    original = {label: content(label).hexdigest() for label in RECORD_TABLES}
    inspection = inspect()
    try:
        for migration in migrations:
            started = time.perf_counter()
            result = run_migration(
                runner,
                migration,
                before=inspection,
                inspect=inspect,
                backup=None,
                on_change=on_change,
            )
            rehearsal.seconds[migration.name] = time.perf_counter() - started
            rehearsal.results.append(result)
            inspection = result.integrity.after
    except MigrationError as error:
        rehearsal.failures.append(str(error))
    for result in reversed(rehearsal.results):
        undone = runner.undo(result.migration, on_change=on_change)
        if undone.kept:
            rehearsal.failures.append(
                f"{result.migration.name}: {len(undone.kept)} items can't be restored"
            )
    for label, digest in original.items():
        if content(label).hexdigest() != digest:
            rehearsal.failures.append(f"After undoing everything, {label} is not as it was before.")
    return rehearsal
