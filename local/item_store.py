"""Store DynamoDB tables and items in one SQLite file.

The store holds the last acknowledged state and not a log to replay: each item as DynamoDB's own JSON
under its key, and for each table the requests that created and changed it. A write is in the store
before its response leaves. SQLite runs in WAL mode without waiting for the disk, so `kill -9` loses
nothing that was acknowledged, while a power failure may lose the last moments. The file is locked
while it is open, so that two processes cannot both own the data.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

type Item = dict[str, Any]
"""Attributes by name, each in DynamoDB's JSON: `{"id": {"S": "1"}}`."""

FORMAT = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS requests(
    seq INTEGER PRIMARY KEY, region TEXT NOT NULL, name TEXT NOT NULL,
    operation TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS items(
    region TEXT NOT NULL, name TEXT NOT NULL, key TEXT NOT NULL, item TEXT NOT NULL,
    PRIMARY KEY(region, name, key)) WITHOUT ROWID;
"""


class ItemStoreError(Exception):
    """The file can't be opened, read or written; the message says why."""


@dataclass(frozen=True, slots=True)
class TableName:
    """A table's name, which is unique in its region."""

    region: str
    name: str


@dataclass(frozen=True, slots=True)
class ItemChange:
    """An item that a request may have changed: its table, its key and its state after that."""

    table: TableName
    key: Item
    item: Item | None
    """None if there is no item under the key any more."""


class ItemStore:
    """The open file. All methods raise `ItemStoreError`, and then nothing in it has changed."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=0)
        except (OSError, sqlite3.Error) as error:
            raise ItemStoreError(f"{path}: {error}") from error
        try:
            self._open()
        except (ItemStoreError, sqlite3.Error) as error:
            self.close()
            raise ItemStoreError(f"{path}: {error}") from error

    def _open(self) -> None:
        for statement in (
            "PRAGMA locking_mode=EXCLUSIVE",
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=NORMAL",
            "BEGIN IMMEDIATE",  # takes the lock, which EXCLUSIVE then keeps
            "COMMIT",
        ):
            self._db.execute(statement)
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version not in {0, FORMAT}:
            raise ItemStoreError(f"it was written by another version (format {version})")
        self._db.executescript(f"{SCHEMA} PRAGMA user_version={FORMAT};")

    def close(self) -> None:
        """Close the file; it is complete without this, too."""
        self._db.close()

    def list_tables(self) -> list[TableName]:
        """Return the tables in the order of their creation."""
        rows = self._db.execute("SELECT region, name FROM requests GROUP BY 1, 2 ORDER BY min(seq)")
        return [TableName(*row) for row in rows]

    def list_table_requests(self, table: TableName) -> list[tuple[str, Item]]:
        """Return the operations and bodies of the requests that created and changed `table`."""
        rows = self._db.execute(
            "SELECT operation, body FROM requests WHERE region=? AND name=? ORDER BY seq",
            (table.region, table.name),
        )
        return [(operation, json.loads(body)) for operation, body in rows]

    def iterate_items(self, table: TableName) -> Iterator[Item]:
        """Yield the items of `table`."""
        rows = self._db.execute(
            "SELECT item FROM items WHERE region=? AND name=?", (table.region, table.name)
        )
        return (json.loads(item) for (item,) in rows)

    def get_item(self, table: TableName, key: Item) -> Item | None:
        """Return the item under `key` as it was last acknowledged, or None."""
        row = self._db.execute(
            "SELECT item FROM items WHERE region=? AND name=? AND key=?",
            (table.region, table.name, _to_json(key)),
        ).fetchone()
        return json.loads(row[0]) if row else None

    def delete_expired(self, table: TableName, attribute: str, *, now_s: float) -> None:
        """Delete the items whose `attribute`, in seconds since 1970, has passed."""
        with _Transaction(self._db) as db:
            db.execute(
                "DELETE FROM items WHERE region=? AND name=?"
                " AND CAST(json_extract(item, ?) AS REAL) <= ?",
                (table.region, table.name, f'$."{attribute}".N', now_s),
            )

    def save_items(self, changes: Sequence[ItemChange]) -> None:
        """Save the state of the changed items in one transaction."""
        with _Transaction(self._db) as db:
            for change in changes:
                row_key = (change.table.region, change.table.name, _to_json(change.key))
                if change.item is None:
                    db.execute("DELETE FROM items WHERE region=? AND name=? AND key=?", row_key)
                else:
                    row = (*row_key, _to_json(change.item))
                    db.execute("INSERT OR REPLACE INTO items VALUES(?,?,?,?)", row)

    def save_table_request(self, table: TableName, operation: str, body: Item) -> None:
        """Save a request that created or changed `table`."""
        with _Transaction(self._db) as db:
            db.execute(
                "INSERT INTO requests(region, name, operation, body) VALUES(?,?,?,?)",
                (table.region, table.name, operation, _to_json(body)),
            )

    def delete_table(self, table: TableName) -> None:
        """Delete the items and requests of `table`."""
        with _Transaction(self._db) as db:
            for rows in ("items", "requests"):
                db.execute(
                    f"DELETE FROM {rows} WHERE region=? AND name=?",  # noqa: S608 -- two literals
                    (table.region, table.name),
                )


class _Transaction:
    """A transaction that rolls back if its body or SQLite fails."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> sqlite3.Connection:
        try:
            return self._db.execute("BEGIN IMMEDIATE").connection
        except sqlite3.Error as error:
            raise ItemStoreError(str(error)) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: Any
    ) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
        except sqlite3.Error as commit_error:
            error = commit_error
        if error is None:
            return
        if self._db.in_transaction:
            self._db.rollback()
        if isinstance(error, sqlite3.Error):
            raise ItemStoreError(str(error)) from error


def _to_json(value: Item) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
