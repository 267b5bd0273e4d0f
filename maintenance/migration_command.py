"""What the commands `migrate_data` and `test_migration` share."""

import json
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from appointments import clinic
from common import clock
from common.dynamodb.bulk import BulkClient
from common.ids import opaque_id
from maintenance.commands import MaintenanceCommand
from maintenance.data_migrations import MIGRATIONS, migration_named
from maintenance.data_migrations.base import Migration
from maintenance.inspection import Inspection
from maintenance.migrating import MigrationRunner, MigrationState, Outcome, RunnerOptions
from maintenance.tables import TableNames

MAX_PROBLEMS_SHOWN = 20


class MigrationCommand(MaintenanceCommand):
    """A command that applies data migrations."""

    writes_data = True

    def inspect(self, client: BulkClient, tables: TableNames) -> Inspection:
        """Inspect all items of all tables."""
        inspection = Inspection(now=clock.now(), time_zone=clinic.time_zone())
        with self.progress("inspected") as progress:
            for label, table in tables.items():
                for item in progress.counting(client.scan(table)):
                    inspection.add(label, item)
        inspection.finish()
        return inspection

    def show_outcome(self, outcome: Outcome) -> None:
        """Write what a migration did or would do."""
        for reason, count in sorted(outcome.by_reason.items()):
            self.stdout.write(f"  {count:,} times: {reason}")
        for repair, count in sorted(outcome.report.repairs.items()):
            self.stdout.write(f"  {count:,} times inferred: {repair}")
        problems = outcome.report.problems
        if problems:
            self.stdout.write(f"  {len(problems):,} need people:")
        for problem in problems[:MAX_PROBLEMS_SHOWN]:
            self.stdout.write(f"    {problem}")
        if len(problems) > MAX_PROBLEMS_SHOWN:
            self.stdout.write(f"    and {len(problems) - MAX_PROBLEMS_SHOWN:,} more: see --report")


def runner_options() -> RunnerOptions:
    """Return the options of a runner, from the settings."""
    return RunnerOptions(
        runner=f"{os.uname().nodename}-{os.getpid()}-{opaque_id()[:8]}",
        clock=clock.now,
        time_zone=clinic.time_zone(),
        doctors=settings.CLINIC_DOCTORS,
    )


def named_migration(name: str) -> Migration:
    """Return the migration with this name or number."""
    migration = migration_named(name)
    if migration is None:
        known = ", ".join(each.name for each in MIGRATIONS)
        raise CommandError(f"There is no data migration {name}; there are {known}.")
    return migration


def chosen_migrations(runner: MigrationRunner, only: str | None) -> list[Migration]:
    """Return the migrations that are not applied, or the one that `--only` names."""
    if only is None:
        return [m for m in MIGRATIONS if runner.state(m) is not MigrationState.APPLIED]
    return [named_migration(only)]


def write_report(file: str | None, report: dict[str, Any]) -> None:
    """Write a report as JSON, if a file is named."""
    if file is not None:
        Path(file).write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", "utf-8")
