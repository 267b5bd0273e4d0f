"""`manage.py test_migration`: rehearse the data migrations on copies of the tables."""

from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from typing import Any, override

from django.core.management.base import CommandError

from common.dynamodb.bulk import BulkClient, Item
from common.dynamodb.items import ContentDigest
from common.ids import opaque_id
from maintenance.backups import opened_backup
from maintenance.locations import location_at
from maintenance.migrating import MigrationRunner
from maintenance.migration_command import (
    MigrationCommand,
    chosen_migrations,
    runner_options,
    write_report,
)
from maintenance.rehearsal import Rehearsal, copied_tables, fill_table, rehearse
from maintenance.tables import TableNames, configured_tables, declared_schemas

type ReadItems = Callable[[str], Iterable[Item]]


class Command(MigrationCommand):
    help = (
        "Copy the tables, or a backup, into tables of their own, apply the data migrations there, compare "
        "before and after, undo them, and compare again. The real tables are only read; the copies are "
        "deleted at the end. Exit status 0 only if every migration can be applied and undone."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--from", dest="backup", metavar="BACKUP", help="rehearse on this backup"
        )
        parser.add_argument("--only", metavar="NAME", help="rehearse this one alone")
        parser.add_argument("--report", metavar="FILE", help="write a report in JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        self.refuse_production(allow_production=options["allow_production"])
        client, tables = self.bulk_client(), configured_tables()
        if options["backup"]:
            progress = self.progress("verified")
            with opened_backup(location_at(options["backup"]), on_item=progress.advance) as backup:
                progress.finish()
                tables = {label: tables[label] for label in backup.manifest.tables}
                rehearsal = self._rehearse(
                    client, configured_tables(), backup.items, tables, options
                )
        else:
            self.require_tables(client, tables)
            rehearsal = self._rehearse(
                client, tables, lambda label: client.scan(tables[label]), tables, options
            )
        self._show(rehearsal)
        write_report(options["report"], rehearsal.as_dict())
        if rehearsal.failures:
            raise CommandError("; ".join(rehearsal.failures))

    def _rehearse(
        self,
        client: BulkClient,
        tables: TableNames,
        read_items: ReadItems,
        filled: TableNames,
        options: dict[str, Any],
    ) -> Rehearsal:
        suffix = opaque_id()[:8]
        with copied_tables(client, tables, declared_schemas(), suffix=suffix) as copies:
            with self.progress("copied") as progress:
                for label in filled:
                    fill_table(client, copies[label], read_items(label), progress.advance)
            runner = MigrationRunner(client, copies, runner_options())
            migrations = chosen_migrations(runner, options["only"])
            with self.progress("changed and restored") as progress:
                return rehearse(
                    runner,
                    migrations,
                    inspect=lambda: self.inspect(client, copies),
                    content=lambda label: _content_of(client, copies[label]),
                    on_change=progress.advance,
                )

    def _show(self, rehearsal: Rehearsal) -> None:
        if not rehearsal.results and not rehearsal.failures:
            self.stdout.write("All data migrations are applied; --only rehearses one of them.")
        for result in rehearsal.results:
            name = result.migration.name
            self.stdout.write(
                f"{name}: {result.outcome.changed:,} items changed in {rehearsal.seconds[name]:.1f} s"
            )
            self.show_outcome(result.outcome)
            for line in result.integrity.lines():
                self.stdout.write(line)
        if rehearsal.results and not rehearsal.failures:
            self.stdout.write("Undone: orders and appointments are as they were before.")


def _content_of(client: BulkClient, table: str) -> ContentDigest:
    content = ContentDigest()
    for item in client.scan(table):
        content.add(item)
    return content
