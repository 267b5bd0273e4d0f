"""`manage.py backup_tables`: write all items of all tables to a folder or to S3."""

from argparse import ArgumentParser
from typing import Any, override

from maintenance.commands import DEFAULT_BACKUP_LOCATION, MaintenanceCommand
from maintenance.tables import configured_tables


class Command(MaintenanceCommand):
    help = (
        "Write all items of the DynamoDB tables to a new folder in LOCATION: a gzip file of JSON lines "
        "for each table, and a manifest with checksums. Prints the folder's name, for restore_tables. "
        "Backups contain personal data."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "location",
            nargs="?",
            default=str(DEFAULT_BACKUP_LOCATION),
            help="a folder, or s3://bucket/prefix (default: %(default)s)",
        )
        self.add_table_option(parser, "all")
        parser.add_argument("--kms-key", help="KMS key for S3, in place of the bucket's own")
        parser.add_argument("--json", action="store_true", help="print the manifest")

    def handle(self, *_args: Any, **options: Any) -> None:
        chosen = options["tables"] or configured_tables()
        tables = {label: name for label, name in configured_tables().items() if label in chosen}
        client = self.bulk_client()
        self.require_tables(client, tables)
        place, manifest = self.back_up(client, tables, options["location"], options["kms_key"])
        if options["json"]:
            self.write_json({"location": place.url, **manifest.as_dict()})
            return
        for label, table in manifest.tables.items():
            self.stdout.write(f"{label}: {table.items:,} items of {table.table}")
        self.stdout.write(f"Backup: {place.url}")
