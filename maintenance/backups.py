"""Write, verify and restore backups of the tables.

A backup is a place with a file for each table and a manifest:

    orders.jsonl.gz   one line for each item, {"Item": {…}} in DynamoDB JSON: the format that DynamoDB's
                      own export to S3 writes and its import reads
    manifest.json     tables, numbers of items, checksums; written last, so what lacks it is no backup

A backup of tables in use is not a picture of one moment: items are read one after the other. On AWS,
on-demand backups and point-in-time recovery are. Restoring leaves out what has expired meanwhile, so that
a conversation whose time is over doesn't come back. E-mails that were not finished are restored as
uncertain, because they may have been sent after the backup; deliveries of webhooks as failed.
"""

import gzip
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from appointments.repository import is_reservation_end
from common.dynamodb.bulk import BulkClient, Item, Key, key_of
from common.dynamodb.items import ContentDigest, from_json, to_json
from common.timestamps import to_iso, truncate_to_ms
from maintenance.errors import MaintenanceError
from maintenance.locations import Location
from maintenance.tables import TableNames
from notifications.repository import uncertain_raw
from webhooks.repository import given_up_raw

FORMAT = 1
MANIFEST = "manifest.json"
HASH_CHUNK_BYTES = 1024 * 1024
RESTORED_MESSAGE = "restored from a backup"
"""The error of a message that was unfinished in the backup."""

type OnItem = Callable[[int], None]
"""Called with the number of items that were read or written just now."""


class BackupError(MaintenanceError):
    """A backup is incomplete, damaged, or doesn't fit the tables; the text is for operators."""


class VerificationError(BackupError):
    """After a restore, a table doesn't have the items of the backup."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableBackup:
    """One table in a manifest.

    Attributes:
        table: The name of the table that was backed up.
        file: The name of the file.
        items: How many items it has.
        sha256: The checksum of the file.
        content: The `ContentDigest` of the items.

    """

    table: str
    file: str
    items: int
    sha256: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup contains, by the labels of the tables."""

    created_at: str
    region: str
    endpoint: str
    tables: Mapping[str, TableBackup]

    @property
    def items(self) -> int:
        """How many items there are in all tables."""
        return sum(table.items for table in self.tables.values())

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        tables = {
            label: {
                "table": each.table,
                "file": each.file,
                "items": each.items,
                "sha256": each.sha256,
                "content": each.content,
            }
            for label, each in self.tables.items()
        }
        return {
            "format": FORMAT,
            "createdAt": self.created_at,
            "region": self.region,
            "endpoint": self.endpoint,
            "tables": tables,
        }

    @classmethod
    def from_json(cls, text: str) -> "Manifest":
        """Return the manifest of a text.

        Raises:
            BackupError: it is none, or one of a later version.

        """
        try:
            content = json.loads(text)
            if content["format"] != FORMAT:
                raise BackupError(f"The backup has the format {content['format']}, not {FORMAT}.")
            return cls(
                created_at=content["createdAt"],
                region=content["region"],
                endpoint=content["endpoint"],
                tables={label: TableBackup(**each) for label, each in content["tables"].items()},
            )
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise BackupError(f"{MANIFEST} is damaged.") from error


# --- Writing


def write_backup(
    client: BulkClient,
    tables: TableNames,
    location: Location,
    *,
    region: str,
    now: datetime,
    on_item: OnItem,
) -> tuple[Location, Manifest]:
    """Write all items of the tables to a new place in `location`, and verify what was written.

    Returns:
        The place, named by the time, and its manifest.

    """
    place = _new_place(location, now)
    with _work_folder() as folder:
        backed_up = {}
        for label, table in tables.items():
            file = folder / f"{label}.jsonl.gz"
            backed_up[label] = _write_table(client, table, file, on_item)
            place.upload(file, file.name)
            file.unlink()
        manifest = Manifest(
            created_at=to_iso(now), region=region, endpoint=client.endpoint, tables=backed_up
        )
        (folder / MANIFEST).write_text(
            json.dumps(manifest.as_dict(), indent=2) + "\n", encoding="utf-8"
        )
        place.upload(folder / MANIFEST, MANIFEST)
    return place, manifest


def _new_place(location: Location, now: datetime) -> Location:
    """Return a place that doesn't exist, named by the time, and by a number in case of need."""
    taken = set(location.names())
    name = now.strftime("%Y-%m-%dT%H-%M-%SZ")
    names = (name, *(f"{name}-{number}" for number in range(2, 100)))
    return location.child(next(each for each in names if each not in taken))


def _write_table(client: BulkClient, table: str, file: Path, on_item: OnItem) -> TableBackup:
    content = ContentDigest()
    with gzip.open(file, "wt", encoding="utf-8", compresslevel=6) as output:
        for page in client.scan_pages(table):
            for item in page:
                content.add(item)
                output.write(f'{{"Item":{to_json(item)}}}\n')
            on_item(len(page))
    return TableBackup(
        table=table,
        file=file.name,
        items=content.count,
        sha256=_checksum(file),
        content=content.hexdigest(),
    )


def _checksum(file: Path) -> str:
    checksum = hashlib.sha256()
    with file.open("rb") as content:
        while chunk := content.read(HASH_CHUNK_BYTES):
            checksum.update(chunk)
    return checksum.hexdigest()


# --- Reading


class OpenBackup:
    """A backup whose files were downloaded and verified."""

    def __init__(self, manifest: Manifest, files: Mapping[str, Path]) -> None:
        self.manifest = manifest
        self._files = files

    def items(self, label: str) -> Iterator[Item]:
        """Yield the items of a table.

        Raises:
            BackupError: a line is no item.

        """
        with gzip.open(self._files[label], "rt", encoding="utf-8") as lines:
            for line in lines:
                yield _item_of(line)


def _item_of(line: str) -> Item:
    try:
        item: Any = json.loads(line)["Item"]
        return from_json(json.dumps(item))
    except (ValueError, TypeError, LookupError) as error:
        raise BackupError("A line of the backup is no item in DynamoDB JSON.") from error


@contextmanager
def opened_backup(place: Location, *, on_item: OnItem) -> Iterator[OpenBackup]:
    """Download a backup and verify it: the checksum of each file, and the content of each table.

    Raises:
        BackupError: there is no complete backup, or it is damaged.

    """
    with _work_folder() as folder:
        manifest = _read_manifest(place, folder)
        files = {}
        for label, table in manifest.tables.items():
            files[label] = folder / table.file
            place.download(table.file, files[label])
            if _checksum(files[label]) != table.sha256:
                raise BackupError(f"{table.file} is damaged: its checksum is another one.")
        backup = OpenBackup(manifest, files)
        for label in manifest.tables:
            _verify_content(backup, label, on_item)
        yield backup


def _read_manifest(place: Location, folder: Path) -> Manifest:
    names = place.names()
    if MANIFEST not in names:
        complete = [name for name in names if MANIFEST in place.child(name).names()]
        hint = f" It has the backups {', '.join(complete)}: name one of them." if complete else ""
        raise BackupError(f"{place.url} is no complete backup: {MANIFEST} is missing.{hint}")
    place.download(MANIFEST, folder / MANIFEST)
    return Manifest.from_json((folder / MANIFEST).read_text(encoding="utf-8"))


def _verify_content(backup: OpenBackup, label: str, on_item: OnItem) -> None:
    table = backup.manifest.tables[label]
    content = ContentDigest()
    for item in backup.items(label):
        content.add(item)
        on_item(1)
    if (content.count, content.hexdigest()) != (table.items, table.content):
        raise BackupError(f"{table.file} doesn't contain the {table.items} items of the manifest.")


@contextmanager
def _work_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="backup-") as folder:  # readable by its owner only
        yield Path(folder)


# --- Restoring


@dataclass(frozen=True, slots=True)
class Restored:
    """What restoring a table did.

    `uncertain_messages` are those of `stored` that were unfinished in the backup.
    """

    stored: int
    left_out: int
    deleted: int
    uncertain_messages: int


def restore_table(
    client: BulkClient,
    table: str,
    backup: OpenBackup,
    label: str,
    *,
    now: datetime,
    on_item: OnItem,
) -> Restored:
    """Make a table contain exactly the items of a backup that have not expired, and verify it.

    Items that are not in the backup are deleted. Messages that were unfinished become uncertain, and
    deliveries of webhooks failed, so that no worker sends them a second time. Run again after an interruption, it completes.

    Raises:
        VerificationError: afterwards the table has other items; somebody may be writing to it.

    """
    expected = ContentDigest()
    keys: set[Key] = set()
    uncertain_keys: set[Key] = set()

    def current_items() -> Iterator[Item]:
        for item, is_uncertain in _items_to_restore(backup, label, now):
            expected.add(item)
            keys.add(key_of(item))
            if is_uncertain:
                uncertain_keys.add(key_of(item))
            yield item

    for count in client.put_many(table, current_items()):
        on_item(count)
    deleted = _delete_others(client, table, keys)
    actual = ContentDigest()
    for item in client.scan(table):
        if not is_expired(item, now):
            actual.add(item)
    if (actual.count, actual.hexdigest()) != (expected.count, expected.hexdigest()):
        raise VerificationError(
            f"{table} has {actual.count} items and should have {expected.count}, or one differs. "
            "Is a server still writing to it? Stop it, and restore again."
        )
    total = backup.manifest.tables[label].items
    return Restored(
        stored=expected.count,
        left_out=total - expected.count,
        deleted=deleted,
        uncertain_messages=len(uncertain_keys),
    )


def _items_to_restore(backup: OpenBackup, label: str, now: datetime) -> Iterator[tuple[Item, bool]]:
    """Yield the items that have not expired, and whether each is a message that became uncertain.

    Ends of reservations are left out: patients may have confirmed after the backup, so no worker may cancel.
    """
    changed_at = truncate_to_ms(now)
    for item in backup.items(label):
        if not is_expired(item, now) and not is_reservation_end(item):
            uncertain = uncertain_raw(item, RESTORED_MESSAGE, now=changed_at)
            given_up = given_up_raw(item, RESTORED_MESSAGE, now=changed_at)
            yield (given_up or item, False) if uncertain is None else (uncertain, True)


def _delete_others(client: BulkClient, table: str, keys: set[Key]) -> int:
    others = (
        key_of(item)
        for page in client.scan_pages(table, keys_only=True)
        for item in page
        if key_of(item) not in keys
    )
    return sum(client.delete_many(table, others))


def is_expired(item: Mapping[str, Any], now: datetime) -> bool:
    """Whether DynamoDB may delete an item, or should have."""
    seconds = item.get("expiresAt", {}).get("N")
    return seconds is not None and float(seconds) <= now.timestamp()


# --- On-demand backups of DynamoDB itself


def create_on_demand_backups(client: BulkClient, tables: TableNames, *, now: datetime) -> list[str]:
    """Start DynamoDB's own backup of each table and return their ARNs. Only AWS has these."""
    suffix = now.strftime("%Y%m%dT%H%M%SZ")
    return [
        client.call("create_backup", TableName=table, BackupName=f"{table}-{suffix}"[:255])[
            "BackupDetails"
        ]["BackupArn"]
        for table in tables.values()
    ]
