"""Keeps DynamoDB tables and items in one SQLite file, so that a killed process loses nothing.

Theory. The journal isn't a log to replay but the last acknowledged state: each item as DynamoDB's
own JSON under its key, and for each table the requests that made it. A write is here (SQLite in WAL
mode: in the operating system's hands) before its answer leaves, so `kill -9` loses nothing that was
acknowledged; a power failure may lose the last moments, since no write waits for the disk.
The file is locked while it is open: two processes can't both believe they own the data.
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


class JournalError(Exception):
    """The file can't be opened, read or written; the message says why."""


@dataclass(frozen=True, slots=True)
class TableName:
    """A table's name, which is unique in its region."""

    region: str
    name: str


@dataclass(frozen=True, slots=True)
class Touched:
    """One item that a request may have changed: its table, its key, and what is there now."""

    table: TableName
    key: Item
    item: Item | None


class Journal:
    """The open file. All methods raise `JournalError`, and then nothing has changed in it."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=0)
        except (OSError, sqlite3.Error) as error:
            raise JournalError(f"{path}: {error}") from error
        try:
            self._open()
        except (JournalError, sqlite3.Error) as error:
            self.close()
            raise JournalError(f"{path}: {error}") from error

    def _open(self) -> None:
        for statement in (
            "PRAGMA locking_mode=EXCLUSIVE",
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=NORMAL",
            "BEGIN IMMEDIATE",  # takes the lock, which EXCLUSIVE then keeps
            "COMMIT",
        ):
            self._db.execute(statement)
        (found,) = self._db.execute("PRAGMA user_version").fetchone()
        if found not in {0, FORMAT}:
            raise JournalError(f"it was written by another version (format {found})")
        self._db.executescript(f"{SCHEMA} PRAGMA user_version={FORMAT};")

    def close(self) -> None:
        """Close the file; it is whole without this, too."""
        self._db.close()

    def tables(self) -> list[TableName]:
        """Return the tables in the order in which they were made."""
        rows = self._db.execute("SELECT region, name FROM requests GROUP BY 1, 2 ORDER BY min(seq)")
        return [TableName(*row) for row in rows]

    def requests(self, table: TableName) -> list[tuple[str, Item]]:
        """Return the operations and bodies that made `table` what it is."""
        rows = self._db.execute(
            "SELECT operation, body FROM requests WHERE region=? AND name=? ORDER BY seq",
            (table.region, table.name),
        )
        return [(operation, json.loads(body)) for operation, body in rows]

    def items(self, table: TableName) -> Iterator[Item]:
        """Yield the items of `table`."""
        rows = self._db.execute(
            "SELECT item FROM items WHERE region=? AND name=?", (table.region, table.name)
        )
        return (json.loads(item) for (item,) in rows)

    def item(self, table: TableName, key: Item) -> Item | None:
        """Return the item under `key` as it was last acknowledged, or None."""
        row = self._db.execute(
            "SELECT item FROM items WHERE region=? AND name=? AND key=?",
            (table.region, table.name, _text(key)),
        ).fetchone()
        return json.loads(row[0]) if row else None

    def drop_expired(self, table: TableName, attribute: str, *, now_s: float) -> None:
        """Drop the items whose `attribute`, in seconds since 1970, has passed."""
        with _Transaction(self._db) as db:
            db.execute(
                "DELETE FROM items WHERE region=? AND name=?"
                " AND CAST(json_extract(item, ?) AS REAL) <= ?",
                (table.region, table.name, f'$."{attribute}".N', now_s),
            )

    def record_items(self, touched: Sequence[Touched]) -> None:
        """Keep what is there now, all of it or nothing."""
        with _Transaction(self._db) as db:
            for each in touched:
                address = (each.table.region, each.table.name, _text(each.key))
                if each.item is None:
                    db.execute("DELETE FROM items WHERE region=? AND name=? AND key=?", address)
                else:
                    db.execute(
                        "INSERT OR REPLACE INTO items VALUES(?,?,?,?)", (*address, _text(each.item))
                    )

    def record_request(self, table: TableName, operation: str, body: Item) -> None:
        """Keep a request that made or changed `table`."""
        with _Transaction(self._db) as db:
            db.execute(
                "INSERT INTO requests(region, name, operation, body) VALUES(?,?,?,?)",
                (table.region, table.name, operation, _text(body)),
            )

    def forget(self, table: TableName) -> None:
        """Drop everything about `table`."""
        with _Transaction(self._db) as db:
            for kind in ("items", "requests"):
                db.execute(
                    f"DELETE FROM {kind} WHERE region=? AND name=?",  # noqa: S608 -- two literals
                    (table.region, table.name),
                )


class _Transaction:
    """A transaction that leaves nothing half done, whatever SQLite or the disk says."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> sqlite3.Connection:
        try:
            return self._db.execute("BEGIN IMMEDIATE").connection
        except sqlite3.Error as error:
            raise JournalError(str(error)) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: Any
    ) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
        except sqlite3.Error as failure:
            error = failure
        if error is None:
            return
        if self._db.in_transaction:
            self._db.rollback()
        if isinstance(error, sqlite3.Error):
            raise JournalError(str(error)) from error


def _text(value: Item) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
