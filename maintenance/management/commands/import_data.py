"""`manage.py import_data`: store records that were exported from the earlier system."""

from argparse import ArgumentParser
from itertools import batched
from pathlib import Path
from typing import Any, override

from django.core.management.base import CommandError

from common.dynamodb.bulk import BulkClient, Item, Key, key_of
from common.dynamodb.items import digest
from maintenance.commands import MaintenanceCommand
from maintenance.exports import read_export
from maintenance.inspection.kinds import APPOINTMENT, ORDER
from maintenance.tables import configured_tables

KINDS = {"orders": ORDER, "appointments": APPOINTMENT}
BATCH_SIZE = 100


class Command(MaintenanceCommand):
    help = (
        "Store orders and appointments that were exported from the earlier system or from DynamoDB: "
        "plain JSON, the output of `aws dynamodb scan`, or an export to S3. A record whose id is stored "
        "already is left as it is and listed. Run migrate_data afterwards, which converts them."
    )
    writes_data = True

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        for label in KINDS:
            parser.add_argument(
                f"--{label}", action="append", default=[], type=Path, metavar="FILE"
            )

    def handle(self, *_args: Any, **options: Any) -> None:
        if not any(options[label] for label in KINDS):
            raise CommandError("Name files: --orders FILE or --appointments FILE.")
        self.refuse_production(allow_production=options["allow_production"])
        client, tables = self.bulk_client(), configured_tables()
        self.require_tables(client, tables)
        # Every file is read before anything is stored, so that a wrong one changes nothing.
        records = {
            label: [item for file in options[label] for item in read_export(file, kind)]
            for label, kind in KINDS.items()
        }
        different = [
            key for label, items in records.items() for key in self._store(client, label, items)
        ]
        if different:
            raise CommandError(
                f"{len(different)} records have ids that are stored with another content, which stays: "
                f"{', '.join(different)}"
            )

    def _store(self, client: BulkClient, label: str, items: list[Item]) -> list[str]:
        """Store the records whose keys are free; return the keys of those that differ from stored ones."""
        table = configured_tables()[label]
        stored_count = equal = 0
        records, different = _distinct(items)
        with self.progress(label, total=len(records)) as progress:
            for batch in batched(records, BATCH_SIZE):
                existing = client.get_many(table, map(key_of, batch))
                free = [item for item in batch if key_of(item) not in existing]
                stored_count += sum(client.put_many(table, free))
                for item in batch:
                    if (other := existing.get(key_of(item))) is not None:
                        is_equal = digest(other) == digest(item)
                        equal += is_equal
                        different += [] if is_equal else [key_of(item)[0]]
                progress.advance(len(batch))
        if items:
            self.stdout.write(f"{label}: {stored_count:,} stored, {equal:,} were stored already")
        return different


def _distinct(items: list[Item]) -> tuple[list[Item], list[str]]:
    """Return one item for each key, the first, and the keys that have others, too."""
    first: dict[Key, Item] = {}
    different = []
    for item in items:
        other = first.setdefault(key_of(item), item)
        if digest(other) != digest(item):
            different.append(key_of(item)[0])
    return list(first.values()), different
