"""`manage.py migrate_data`: apply the data migrations, with a backup first."""

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any, override

from django.core.management.base import CommandError

from common import clock
from common.dynamodb.bulk import BulkClient
from common.dynamodb.endpoint import is_aws
from maintenance.backups import create_on_demand_backups
from maintenance.commands import DEFAULT_BACKUP_LOCATION
from maintenance.data_migrations import MIGRATIONS
from maintenance.data_migrations.base import Migration
from maintenance.migrating import MigrationRunner, MigrationState
from maintenance.migration_command import (
    MigrationCommand,
    chosen_migrations,
    named_migration,
    runner_options,
    write_report,
)
from maintenance.migration_run import MigrationResult, outcome_as_dict, run_migration
from maintenance.tables import configured_tables


class Command(MigrationCommand):
    help = (
        "Apply the data migrations that are not applied yet. Backs up all tables first, compares them "
        "afterwards, and undoes a migration that fails. An interrupted run is resumed by the next one. "
        "Records that can't be migrated are listed and stay as they were."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        task = parser.add_mutually_exclusive_group()
        task.add_argument(
            "--list", action="store_true", help="list the migrations and their states"
        )
        task.add_argument(
            "--dry-run", action="store_true", help="say what would change; write nothing"
        )
        task.add_argument("--undo", metavar="NAME", help="undo this migration")
        parser.add_argument(
            "--only",
            metavar="NAME",
            help="apply this one alone, also if it was applied before",
        )
        parser.add_argument(
            "--strict",
            action="store_true",
            help="change nothing if there is a record that can't be migrated",
        )
        parser.add_argument(
            "--backup",
            default=str(DEFAULT_BACKUP_LOCATION),
            metavar="LOCATION",
            help="a folder, or s3://bucket/prefix (default: %(default)s)",
        )
        parser.add_argument(
            "--kms-key", help="KMS key for a backup in S3, in place of the bucket's own"
        )
        parser.add_argument(
            "--no-on-demand-backup",
            action="store_true",
            help="on AWS, don't create DynamoDB's own backups besides",
        )
        parser.add_argument("--report", metavar="FILE", help="write a report in JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        client, tables = self.bulk_client(), configured_tables()
        self.require_tables(client, tables)
        runner = MigrationRunner(client, tables, runner_options())
        if options["list"]:
            self._list(runner)
            return
        if options["dry_run"]:
            self._dry_run(runner, chosen_migrations(runner, options["only"]), options["report"])
            return
        self.refuse_production(allow_production=options["allow_production"])
        if options["undo"]:
            self._undo(runner, named_migration(options["undo"]))
            return
        migrations = chosen_migrations(runner, options["only"])
        if not migrations:
            self.stdout.write("All data migrations are applied.")
            return
        if options["strict"]:
            self._require_no_problems(runner, migrations)
        self._migrate(client, runner, migrations, options)

    # --- Tasks

    def _list(self, runner: MigrationRunner) -> None:
        for migration in MIGRATIONS:
            state = runner.state(migration)
            self.stdout.write(
                f"{migration.name:<24} {state or 'not applied':<12} {migration.description}"
            )

    def _dry_run(
        self, runner: MigrationRunner, migrations: Sequence[Migration], report: str | None
    ) -> None:
        results = []
        for migration, outcome in runner.plan_all(migrations):
            self.stdout.write(f"{migration.name} would change {outcome.changed:,} items")
            self.show_outcome(outcome)
            results.append({"name": migration.name, **outcome_as_dict(outcome)})
        if not results:
            self.stdout.write("All data migrations are applied.")
        write_report(report, {"dryRun": True, "migrations": results})

    def _undo(self, runner: MigrationRunner, migration: Migration) -> None:
        later = MIGRATIONS[MIGRATIONS.index(migration) + 1 :]
        applied = [m.name for m in later if runner.state(m) is MigrationState.APPLIED]
        if applied:
            raise CommandError(f"Undo the later ones first: {', '.join(reversed(applied))}.")
        with self.progress("undone") as progress:
            undone = runner.undo(migration, on_change=progress.advance)
        self.stdout.write(f"{migration.name} is undone: {undone.restored:,} items restored.")
        if undone.kept:
            raise CommandError(
                f"{len(undone.kept)} items were changed by others since and stay as they are: "
                f"{', '.join(undone.kept)}"
            )

    def _require_no_problems(
        self, runner: MigrationRunner, migrations: Sequence[Migration]
    ) -> None:
        for migration, outcome in runner.plan_all(migrations):
            if count := len(outcome.report.problems):
                self.show_outcome(outcome)
                raise CommandError(
                    f"{migration.name} can't migrate {count} records; nothing was changed."
                )

    def _migrate(
        self,
        client: BulkClient,
        runner: MigrationRunner,
        migrations: Sequence[Migration],
        options: dict[str, Any],
    ) -> None:
        tables = configured_tables()
        place, _ = self.back_up(client, tables, options["backup"], options["kms_key"])
        self.stdout.write(f"Backup: {place.url}")
        if is_aws() and not options["no_on_demand_backup"]:
            for arn in create_on_demand_backups(client, tables, now=clock.now()):
                self.stdout.write(f"On-demand backup: {arn}")
        results: list[MigrationResult] = []
        before = self.inspect(client, tables)
        for migration in migrations:
            with self.progress(migration.name) as progress:
                result = run_migration(
                    runner,
                    migration,
                    before=before,
                    inspect=lambda: self.inspect(client, tables),
                    backup=place.url,
                    on_change=progress.advance,
                )
            before = result.integrity.after
            results.append(result)
            self.stdout.write(
                f"{migration.name} is applied: {result.outcome.changed:,} items changed"
            )
            self.show_outcome(result.outcome)
            for line in result.integrity.lines():
                self.stdout.write(line)
        report = {"backup": place.url, "migrations": [result.as_dict() for result in results]}
        write_report(options["report"], report)
