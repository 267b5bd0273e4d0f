"""`manage.py restore_tables`: make the tables contain what a backup contains."""

from argparse import ArgumentParser
from typing import Any, override

from django.core.management.base import CommandError

from common import clock
from common.dynamodb.bulk import BulkClient
from maintenance.backups import Manifest, OpenBackup, opened_backup, restore_table
from maintenance.commands import MaintenanceCommand
from maintenance.locations import location_at
from maintenance.tables import TableNames, configured_tables


class Command(MaintenanceCommand):
    help = (
        "Verify a backup and store its items in the tables, which must be empty, or are replaced with "
        "--replace. Reads everything back and compares it. Stop the servers first."
    )
    writes_data = True

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("backup", help="the folder or S3 prefix that backup_tables printed")
        self.add_table_option(parser, "all that the backup has")
        parser.add_argument(
            "--replace",
            action="store_true",
            help="delete what the tables contain besides; also completes an interrupted restore",
        )
        parser.add_argument(
            "--check", action="store_true", help="verify the backup and write nothing"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if not options["check"]:
            self.refuse_production(allow_production=options["allow_production"])
        progress = self.progress("verified")
        with opened_backup(location_at(options["backup"]), on_item=progress.advance) as backup:
            progress.finish()
            manifest = backup.manifest
            self.stdout.write(
                f"Backup of {manifest.created_at} from {manifest.endpoint}, {manifest.items:,} items: "
                "in order."
            )
            if not options["check"]:
                tables = _chosen_tables(manifest, options["tables"])
                self._restore(backup, tables, replace=options["replace"])

    def _restore(self, backup: OpenBackup, tables: TableNames, *, replace: bool) -> None:
        client = self.bulk_client()
        self.require_tables(client, tables)
        if not replace:
            _require_empty(client, tables)
        for label, table in tables.items():
            total = backup.manifest.tables[label].items
            with self.progress(f"restored {label}", total=total) as progress:
                restored = restore_table(
                    client, table, backup, label, now=clock.now(), on_item=progress.advance
                )
            self.stdout.write(
                f"{table}: {restored.stored:,} items restored and verified, {restored.left_out:,} left "
                f"out (expired, or ends of reservations), {restored.deleted:,} others deleted"
            )
            if restored.uncertain_messages:
                self.stdout.write(
                    f"{table}: {restored.uncertain_messages:,} unfinished e-mails are uncertain: they may "
                    "have been sent after the backup. Staff send them again in the admin if needed."
                )


def _chosen_tables(manifest: Manifest, labels: list[str] | None) -> TableNames:
    chosen = labels or list(manifest.tables)
    if lacking := [label for label in chosen if label not in manifest.tables]:
        raise CommandError(f"The backup has no {', '.join(lacking)}.")
    configured = configured_tables()
    if unknown := [label for label in chosen if label not in configured]:
        raise CommandError(f"This version has no tables {', '.join(unknown)}: choose with --table.")
    return {label: configured[label] for label in chosen}


def _require_empty(client: BulkClient, tables: TableNames) -> None:
    filled = [table for table in tables.values() if not client.is_empty(table)]
    if filled:
        raise CommandError(
            f"{', '.join(filled)}: not empty. Add --replace to delete what is there, after a backup."
        )
