"""Apply data migrations, and undo them (ADR 0050).

Each change is written in one transaction with its undo item, which has the item as it was before. So at
any moment, also after the process was killed, what was changed is known and can be undone from anywhere.
An undo restores an item only while it is still as the migration left it; what somebody changed since
stays, and is reported.

One process at a time works on a migration: it has a lease in the migration's record, which it renews
with each write and which ends two minutes after a process was killed.
"""

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import batched
from zoneinfo import ZoneInfo

from botocore.exceptions import ClientError

from common.dynamodb.bulk import BulkClient, Item, Key, key_attributes, key_of
from common.dynamodb.items import digest, item_bytes
from common.errors import UnavailableError
from common.timestamps import to_iso
from maintenance.data_migrations.base import Context, ItemChange, Migration, Report
from maintenance.errors import MaintenanceError
from maintenance.models import MigrationRecord, UndoItem
from maintenance.tables import TableNames

RECORDS = "calls"
"""The label of the table that holds the records and the undo items."""
LEASE = timedelta(minutes=2)
UNDO_LIFETIME = timedelta(days=30)
UNDO_SHARDS = 8
"""The undo items of a migration are in so many partitions, which share the writes."""
MAX_WRITES = 100
"""How many writes DynamoDB accepts in one transaction; each change is two."""
MAX_TRANSACTION_BYTES = 3_000_000
"""DynamoDB accepts 4 MB, with the conditions."""
MAX_PASSES = 8


class MigrationState(StrEnum):
    """How far a migration is."""

    RUNNING = "running"
    APPLIED = "applied"
    UNDOING = "undoing"
    UNDONE = "undone"


class MigrationError(MaintenanceError):
    """A migration can't be started or went wrong; the text is for operators."""


class LeaseLostError(MigrationError):
    """Another process works on the migration."""


class MigrationStateError(MigrationError):
    """The migration is in a state that doesn't allow this; nothing was changed."""


@dataclass(slots=True)
class Outcome:
    """What applying a migration did."""

    changed: int = 0
    by_reason: Counter[str] = field(default_factory=Counter)
    report: Report = field(default_factory=Report)
    passes: int = 0


@dataclass(slots=True)
class UndoOutcome:
    """What undoing a migration did; `kept` are the keys of items that somebody changed since."""

    restored: int = 0
    kept: list[str] = field(default_factory=list)


class StoredItems:
    """The items in DynamoDB, as a migration's source."""

    def __init__(self, client: BulkClient, tables: TableNames) -> None:
        self._client, self._tables = client, tables

    def scan(self, table: str) -> Iterator[Item]:
        """Yield all items of a table."""
        return self._client.scan(self._tables[table])

    def get_many(self, table: str, keys: Iterable[Key]) -> dict[Key, Item]:
        """Return the items with these keys."""
        return self._client.get_many(self._tables[table], keys)


class PlannedItems:
    """The items in DynamoDB with planned changes that aren't written: for a dry run."""

    def __init__(self, stored: StoredItems) -> None:
        self._stored = stored
        self._changed: dict[str, dict[Key, Item | None]] = {}

    def apply(self, change: ItemChange) -> None:
        """Remember a change, so that later reads see it."""
        self._changed.setdefault(change.table, {})[change.key] = change.after

    def scan(self, table: str) -> Iterator[Item]:
        """Yield all items of a table as they would be."""
        changed = dict(self._changed.get(table, {}))
        for item in self._stored.scan(table):
            key = key_of(item)
            after = changed.pop(key, item)
            if after is not None:
                yield after
        yield from (item for item in changed.values() if item is not None)

    def get_many(self, table: str, keys: Iterable[Key]) -> dict[Key, Item]:
        """Return the items with these keys as they would be."""
        wanted = list(keys)
        changed = self._changed.get(table, {})
        found = self._stored.get_many(table, [key for key in wanted if key not in changed])
        found |= {key: item for key in wanted if (item := changed.get(key)) is not None}
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerOptions:
    """What a runner needs besides the tables."""

    runner: str
    """A name that no other process has."""
    clock: Callable[[], datetime]
    time_zone: ZoneInfo
    doctors: Sequence[str] = ()


class MigrationRunner:
    """Applies and undoes migrations in one set of tables."""

    def __init__(self, client: BulkClient, tables: TableNames, options: RunnerOptions) -> None:
        self._client, self._tables, self._options = client, tables, options

    def record(self, migration: Migration) -> Item | None:
        """Return the stored record of a migration in DynamoDB JSON, or None."""
        return self._client.get(self._tables[RECORDS], MigrationRecord.key(migration.name))

    def state(self, migration: Migration) -> MigrationState | None:
        """Return the state of a migration; None if it was never started."""
        return self._lease(migration).read_state()[0]

    # --- Planning

    def plan_all(self, migrations: Iterable[Migration]) -> Iterator[tuple[Migration, Outcome]]:
        """Yield what each migration would do if those before it were applied; write nothing."""
        planned = PlannedItems(StoredItems(self._client, self._tables))
        for migration in migrations:
            outcome = Outcome(passes=1)
            for change in migration.plan(self._context(planned), outcome.report):
                planned.apply(change)
                _count(outcome, [change])
            yield migration, outcome

    def _context(self, source: StoredItems | PlannedItems) -> Context:
        options = self._options
        return Context(
            source=source,
            now=options.clock(),
            time_zone=options.time_zone,
            doctors=options.doctors,
        )

    # --- Applying

    def apply(
        self, migration: Migration, *, backup: str | None, on_change: Callable[[int], None]
    ) -> Outcome:
        """Apply a migration; if it was interrupted before, go on with it.

        Args:
            migration: The migration.
            backup: Where the backup is that was made before, for the record.
            on_change: Called with the number of items that were changed just now.

        Raises:
            LeaseLostError: another process works on it.
            MigrationStateError: its undoing was interrupted.
            MigrationError: it doesn't come to an end.
            UnavailableError: DynamoDB failed; apply it again to go on.
            Exception: the plan failed; the caller should undo it.

        """
        lease = self._start(migration, backup)
        source = StoredItems(self._client, self._tables)
        outcome = Outcome()
        while outcome.passes < MAX_PASSES:
            outcome.passes += 1
            outcome.report = Report(
                repairs=outcome.report.repairs
            )  # all passes', but these problems
            changed = 0
            for batch in _transactions(migration.plan(self._context(source), outcome.report)):
                lease.renew()
                applied = self._write(lease.attempt, batch)
                changed += len(applied)
                _count(outcome, applied)
                on_change(len(applied))
            if not changed:
                return outcome
        raise MigrationError(
            f"{migration.name} still finds something to change after {MAX_PASSES} passes. Either others "
            "write the same records all the time, or the migration's plan doesn't become empty."
        )

    def _start(self, migration: Migration, backup: str | None) -> "MigrationLease":
        lease = self._lease(migration)
        state, attempt = lease.read_state()
        if state is MigrationState.UNDOING:
            raise MigrationStateError(
                f"The undoing of {migration.name} was interrupted: undo it first."
            )
        now = self._options.clock()
        values: Item = {}
        if state is not MigrationState.RUNNING or attempt is None:
            attempt = f"{to_iso(now)}-{self._options.runner}"
            values = {"startedAt": {"S": to_iso(now)}}
        if backup is not None:
            values["backup"] = {"S": backup}
        lease.acquire(MigrationState.RUNNING, attempt, values)
        return lease

    def finish(self, migration: Migration, outcome: Outcome) -> None:
        """Record that a migration is applied, and end the lease."""
        values = {
            "finishedAt": {"S": to_iso(self._options.clock())},
            "changed": {"N": str(outcome.changed)},
            "problems": {"N": str(len(outcome.report.problems))},
        }
        self._lease(migration).release(MigrationState.APPLIED, values)

    def release(self, migration: Migration) -> None:
        """End the lease of an interrupted migration, so that another process can go on at once.

        If DynamoDB fails, the lease ends by itself two minutes after the last write.
        """
        lease = self._lease(migration)
        with suppress(LeaseLostError, UnavailableError):
            state, _attempt = lease.read_state()
            if state is not None:
                lease.release(state, {})

    def _lease(self, migration: Migration) -> "MigrationLease":
        return MigrationLease(self._client, self._tables[RECORDS], migration.name, self._options)

    def _write(self, attempt: str, changes: Sequence[ItemChange]) -> Sequence[ItemChange]:
        """Write changes; where others changed an item meanwhile, write the other changes.

        Return the changes that were written. The rest is planned again in the next pass.
        """
        remaining = changes
        while remaining:
            failed = self._client.transact(
                [write for change in remaining for write in self._writes(attempt, change)]
            )
            if not failed:
                break
            stale = {position // 2 for position in failed}
            remaining = [c for n, c in enumerate(remaining) if n not in stale]
        return remaining

    def _writes(self, attempt: str, change: ItemChange) -> Iterator[Item]:
        yield _conditional_write(self._tables[change.table], change.before, change.after)
        expires = int((self._options.clock() + UNDO_LIFETIME).timestamp())
        before = {"NULL": True} if change.before is None else {"M": change.before}
        yield {
            "Update": {
                "TableName": self._tables[RECORDS],
                "Key": key_attributes(undo_key(attempt, change.table, change.key)),
                # An item that is changed twice is undone to what it was at first.
                "UpdateExpression": "SET #before = if_not_exists(#before, :before), "
                "#after = :after, expiresAt = :expires",
                "ExpressionAttributeNames": {"#before": "before", "#after": "after"},
                "ExpressionAttributeValues": {
                    ":before": before,
                    ":after": {"S": digest(change.after) if change.after else ""},
                    ":expires": {"N": str(expires)},
                },
            }
        }

    # --- Undoing

    def undo(self, migration: Migration, *, on_change: Callable[[int], None]) -> UndoOutcome:
        """Restore every item that a migration changed, unless somebody has changed it since.

        Raises:
            LeaseLostError: another process works on it.
            MigrationStateError: it is not applied.
            UnavailableError: DynamoDB failed; undo it again to go on.

        """
        lease = self._lease(migration)
        state, attempt = lease.read_state()
        if attempt is None or state in {None, MigrationState.UNDONE}:
            raise MigrationStateError(
                f"{migration.name} is not applied, so there is nothing to undo."
            )
        lease.acquire(MigrationState.UNDOING, attempt, {})
        try:
            outcome = self._restore_all(lease, on_change)
        except (UnavailableError, KeyboardInterrupt):
            self.release(migration)
            raise
        finished = {"finishedAt": {"S": to_iso(self._options.clock())}}
        lease.release(MigrationState.UNDONE, finished)
        return outcome

    def _restore_all(
        self, lease: "MigrationLease", on_change: Callable[[int], None]
    ) -> UndoOutcome:
        outcome = UndoOutcome()
        for partition in undo_partitions(lease.attempt):
            undo_items = self._client.query(self._tables[RECORDS], partition)
            for batch in batched(undo_items, MAX_WRITES // 2):
                lease.renew()
                kept = self._restore(batch)
                outcome.restored += len(batch) - len(kept)
                outcome.kept += kept
                on_change(len(batch))
        return outcome

    def _restore(self, undo_items: Sequence[Item]) -> list[str]:
        """Restore items that are as the migration left them; return the names of the others."""
        current: dict[tuple[str, Key], Item] = {}
        for label, table in self._tables.items():
            keys = [key for undo in undo_items for name, key in [_undone(undo)] if name == label]
            found = self._client.get_many(table, keys)
            current |= {(label, key): item for key, item in found.items()}
        pending = [undo for undo in undo_items if _is_as_left(undo, current.get(_undone(undo)))]
        restored: set[Key] = set()
        while pending:
            failed = self._client.transact(
                [
                    write
                    for undo in pending
                    for write in self._undo_writes(undo, current.get(_undone(undo)))
                ]
            )
            if not failed:
                restored = {key_of(undo) for undo in pending}
                break
            changed = {position // 2 for position in failed}
            pending = [undo for n, undo in enumerate(pending) if n not in changed]
        return [undo["SK"]["S"] for undo in undo_items if key_of(undo) not in restored]

    def _undo_writes(self, undo: Item, current: Item | None) -> tuple[Item, Item]:
        label, key = _undone(undo)
        records, table = self._tables[RECORDS], self._tables[label]
        delete_undo = {"Delete": {"TableName": records, "Key": key_attributes(key_of(undo))}}
        before = undo["before"].get("M")
        if before is None and current is None:
            is_absent = {"ConditionExpression": "attribute_not_exists(PK)"}
            check = {"TableName": table, "Key": key_attributes(key), **is_absent}
            return {"ConditionCheck": check}, delete_undo
        return _conditional_write(table, current, before), delete_undo


class MigrationLease:
    """The record of a migration, which one process at a time may write."""

    def __init__(self, client: BulkClient, table: str, name: str, options: RunnerOptions) -> None:
        self.attempt = ""
        self._client, self._table, self._name = client, table, name
        self._runner, self._clock = options.runner, options.clock
        self._renewed_at = options.clock()

    def read_state(self) -> tuple[MigrationState | None, str | None]:
        """Return the stored state and attempt; None if the migration was never started."""
        record = self._client.get(self._table, MigrationRecord.key(self._name))
        if record is None:
            return None, None
        return MigrationState(record["state"]["S"]), record["attempt"]["S"]

    def acquire(self, state: MigrationState, attempt: str, values: Item) -> None:
        """Store the state, with the lease, if no other process has it.

        Raises:
            LeaseLostError: another process has it.

        """
        self.attempt = attempt
        stored = {**values, "name": {"S": self._name}, "attempt": {"S": attempt}}
        is_free = "attribute_not_exists(runner) OR leaseUntil < :now OR runner = :runner"
        now = {":now": {"S": to_iso(self._clock())}}
        self._update(is_free, {**stored, "state": {"S": state.value}}, now, keep=True)

    def renew(self) -> None:
        """Prolong the lease, if a quarter of it has passed.

        Raises:
            LeaseLostError: another process has it.

        """
        if self._clock() - self._renewed_at > LEASE / 4:
            self._update("runner = :runner", {}, {}, keep=True)

    def release(self, state: MigrationState, values: Item) -> None:
        """Store the state and end the lease.

        Raises:
            LeaseLostError: another process has it.

        """
        self._update("runner = :runner", {**values, "state": {"S": state.value}}, {}, keep=False)

    def _update(self, condition: str, values: Item, placeholders: Item, *, keep: bool) -> None:
        now = self._clock()
        if keep:
            lease_until = {"S": to_iso(now + LEASE)}
            values = {**values, "runner": {"S": self._runner}, "leaseUntil": lease_until}
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in values)
        try:
            self._client.call(
                "update_item",
                TableName=self._table,
                Key=key_attributes(MigrationRecord.key(self._name)),
                UpdateExpression=expression + ("" if keep else " REMOVE runner, leaseUntil"),
                ConditionExpression=condition,
                ExpressionAttributeNames={f"#{name}": name for name in values},
                ExpressionAttributeValues={
                    **{f":{name}": value for name, value in values.items()},
                    ":runner": {"S": self._runner},
                    **placeholders,
                },
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise LeaseLostError(
                f"Another process works on {self._name}, or did until two minutes ago."
            ) from error
        self._renewed_at = now


def undo_key(attempt: str, table: str, key: Key) -> Key:
    """Return PK and SK of the undo item of an item."""
    name = "|".join((table, *key))
    return undo_partitions(attempt)[zlib.crc32(name.encode()) % UNDO_SHARDS], name


def _undone(undo: Item) -> tuple[str, Key]:
    """Return table and key of the item that an undo item restores."""
    label, pk, sk = undo["SK"]["S"].split("|", 2)
    return label, (pk, sk)


def _is_as_left(undo: Item, current: Item | None) -> bool:
    """Whether an item is still as the migration left it."""
    return bool(undo["after"]["S"] == ("" if current is None else digest(current)))


def undo_partitions(attempt: str) -> list[str]:
    """Return the partitions of the undo items of an attempt."""
    return [f"{UndoItem.key_prefix}#{attempt}#{shard}" for shard in range(UNDO_SHARDS)]


def _count(outcome: Outcome, changes: Sequence[ItemChange]) -> None:
    outcome.changed += len(changes)
    outcome.by_reason.update(change.reason for change in changes)


def _transactions(plan: Iterable[ItemChange]) -> Iterator[list[ItemChange]]:
    """Join changes into as few transactions as DynamoDB allows."""
    batch: list[ItemChange] = []
    size = 0
    for change in plan:
        added = _bytes(change)
        if batch and (2 * len(batch) >= MAX_WRITES or size + added > MAX_TRANSACTION_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(change)
        size += added
    if batch:
        yield batch


def _bytes(change: ItemChange) -> int:
    # The item as it was is in the undo item and in the condition.
    return 2 * item_bytes(change.before or {}) + item_bytes(change.after or {})


def _conditional_write(table: str, before: Item | None, after: Item | None) -> Item:
    """Return a put or delete of a transaction that depends on the item still being `before`."""
    item = before if after is None else after
    assert item is not None
    condition = _is_unchanged(before, {*(after or {}), "updatedAt"})
    if after is None:
        key = key_attributes(key_of(item))
        return {"Delete": {"TableName": table, "Key": key, **condition}}
    return {"Put": {"TableName": table, "Item": after, **condition}}


def _is_unchanged(before: Item | None, names_after: set[str]) -> Item:
    if before is None:
        return {"ConditionExpression": "attribute_not_exists(PK)"}
    present = {name: n for n, name in enumerate(sorted(before))}
    absent = sorted(names_after - before.keys())
    terms = [f"#a{n} = :a{n}" for n in present.values()]
    terms += [f"attribute_not_exists(#n{n})" for n in range(len(absent))]
    return {
        "ConditionExpression": " AND ".join(terms),
        "ExpressionAttributeNames": {
            **{f"#a{n}": name for name, n in present.items()},
            **{f"#n{n}": name for n, name in enumerate(absent)},
        },
        "ExpressionAttributeValues": {f":a{n}": before[name] for name, n in present.items()},
    }
