"""The way to DynamoDB: one client made from the settings, tables, transactions, and what fails.

Theory. PynamoDB would give each model class a botocore client of its own, from values fixed when
the class is made; that is slow (0.2 to 0.7 s of CPU each; fifty threads that meet a cold model
build fifty) and knows nothing of Django's settings. So `Table` wires itself on first use, and all
tables share one client. `warm` builds it before the first customer needs it.

Every write goes through `Transaction`, a single-item one too: botocore sends each transaction with
a token of its own, so when an answer is lost on the way and botocore asks again, DynamoDB knows
the request and doesn't mistake our own write for somebody else's.

All calls pass `_Connection._make_api_call`, and there alone a failure of DynamoDB itself becomes
an `UnavailableError`. What is left over is an answer (a condition that failed) or our mistake.
"""

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum
from typing import Any, ClassVar, Self

from botocore import exceptions as botocore
from django.conf import settings
from pynamodb.attributes import UnicodeAttribute
from pynamodb.connection import Connection, TableConnection
from pynamodb.exceptions import TableError, TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from common.errors import BusyError, UnavailableError
from common.failures import log_failure, reason_of

EXPIRES_AT = "expiresAt"
"""The attribute by which DynamoDB forgets an item, in every table of ours: seconds since 1970."""

MAX_POOL_CONNECTIONS = 64
WAITING_PER_THREAD = 16
STATUS_POLL_S = 1.0


class _Connection(Connection):
    """PynamoDB's connection with our settings; the children of one root share its client."""

    def __init__(self, root: Self | None = None) -> None:
        super().__init__(
            region=settings.AWS_REGION,
            host=settings.DYNAMODB_ENDPOINT_URL,
            connect_timeout_seconds=settings.DYNAMODB_CONNECT_TIMEOUT_S,
            read_timeout_seconds=settings.DYNAMODB_READ_TIMEOUT_S,
            max_retry_attempts=settings.DYNAMODB_MAX_RETRIES,
            max_pool_connections=MAX_POOL_CONNECTIONS,
        )
        self.root = root or self
        if root is not None:
            self._client = root.client

    def _make_api_call(
        self, operation_name: str, operation_kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        try:
            return super()._make_api_call(operation_name, operation_kwargs)
        except (botocore.BotoCoreError, botocore.ClientError) as error:
            # PynamoDB re-raises a ClientError in a shorter form; the cause is the whole of it.
            reason = reason_of(error.__cause__ or error)
            if reason is None or (operation_name, reason) == ("DescribeTable", "table_missing"):
                raise
            log_failure(reason, operation_name, operation_kwargs, error)
            raise UnavailableError(reason=reason) from error


# --- What the process has one of -------------------------------------------------------------


class _Threads:
    """A few threads that wait for DynamoDB, and a limit to how much may wait for them."""

    def __init__(self, count: int) -> None:
        self.executor = ThreadPoolExecutor(count, thread_name_prefix="dynamodb")
        self.room = threading.BoundedSemaphore(count * WAITING_PER_THREAD)


class _Shared:
    """The root connection and the threads: made on first use, dropped by `reset`."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._root: _Connection | None = None
        self._threads: _Threads | None = None

    def root(self) -> _Connection:
        if (root := self._root) is not None:
            return root
        with self.lock:
            if self._root is None:
                root = _Connection()
                root.client  # noqa: B018 -- built here, under the lock, and once
                self._root = root
            return self._root

    def threads(self) -> _Threads:
        with self.lock:
            if self._threads is None:
                self._threads = _Threads(settings.DYNAMODB_THREADS)
            return self._threads

    def drop(self) -> None:
        with self.lock:
            root, self._root = self._root, None
            threads, self._threads = self._threads, None
        if root is not None:
            root.client.close()
        if threads is not None:
            threads.executor.shutdown(wait=False, cancel_futures=True)


_shared = _Shared()


def reset() -> None:
    """Forget the client and the threads: the next call makes them anew, from the settings of then."""
    _shared.drop()


def check() -> None:
    """Ask each table for one item.

    Raises:
        UnavailableError: DynamoDB, or one of the tables, doesn't answer; the log says why.

    """
    for table in _tables:
        table.find("check")


def warm() -> None:
    """Build the client and open a connection, before a customer needs them; like `check`."""
    check()


async def in_thread[**P, T](function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function that waits for DynamoDB on threads of its own, so that no call goes silent.

    If the awaiting task is cancelled, work that has begun still ends, with its effect.

    Raises:
        BusyError: too much waits already.

    """
    return await begun(function, *args, **kwargs)


def begun[**P, T](
    function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> asyncio.Future[T]:
    """Begin what `in_thread` runs, for who must know when it ends though they no longer need it.

    Raises:
        BusyError: too much waits already.

    """
    threads = _shared.threads()
    if not threads.room.acquire(blocking=False):
        raise BusyError(reason="too_many_waiting")
    context = contextvars.copy_context()
    work = threads.executor.submit(lambda: context.run(function, *args, **kwargs))
    work.add_done_callback(lambda _: threads.room.release())
    return asyncio.wrap_future(work)


# --- Tables ----------------------------------------------------------------------------------


class Table(Model):
    """One kind of item in one of our tables.

    All our tables have the same primary key, so several kinds may live in one table; the prefix
    tells them apart. One class of each table owns it, and alone declares its indexes.
    """

    table_setting: ClassVar[str]
    """Name of the setting that holds the table's name."""
    key_prefix: ClassVar[str]
    """What PK and SK of this kind of item start with."""

    class Meta:
        """PynamoDB adds the rest; of it, only this and the table's name come to bear."""

        billing_mode = "PAY_PER_REQUEST"
        table_name = ""

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")

    @classmethod
    def key(cls, item_id: str) -> tuple[str, str]:
        """Return PK and SK, which are the same in our tables: the kind of item, `#`, its id."""
        name = f"{cls.key_prefix}#{item_id}"
        return name, name

    @classmethod
    def find(cls, item_id: str) -> Self | None:
        """Return the item as it is now, or None."""
        try:
            return cls.get(*cls.key(item_id), consistent_read=True)
        except cls.DoesNotExist:
            return None

    @classmethod
    def is_empty(cls) -> bool:
        """Whether the table holds no item of any kind."""
        return next(iter(cls.scan(limit=1, attributes_to_get=["PK", "SK"])), None) is None

    @classmethod
    def delete_everything(cls) -> None:
        """Delete every item of any kind from the table."""
        with cls.batch_write() as batch:
            for item in cls.scan(attributes_to_get=["PK", "SK"]):
                batch.delete(item)

    @classmethod
    def prepare(cls) -> bool:
        """Create the table, or what it lacks: indexes, expiry. Return whether it is new."""
        made = not cls.exists() and cls._create()
        described = cls._described()
        existing = {index["IndexName"] for index in described.get("GlobalSecondaryIndexes", [])}
        for name in cls._indexes:
            if name not in existing:
                cls._add_index(name)
        cls._enable_expiry()
        return made

    @classmethod
    def _create(cls) -> bool:
        schema = cls._get_schema()
        try:
            cls._get_connection().create_table(
                attribute_definitions=schema["attribute_definitions"],
                key_schema=schema["key_schema"],
                global_secondary_indexes=schema["global_secondary_indexes"],
                billing_mode=Table.Meta.billing_mode,
            )
        except TableError as error:
            if error.cause_response_code != "ResourceInUseException":
                raise
            return False  # another process was first
        return True

    @classmethod
    def _described(cls) -> dict[str, Any]:
        """Return the table's description, once neither it nor an index is being changed."""
        while True:
            table: dict[str, Any] = cls.describe_table()
            parts = [table, *table.get("GlobalSecondaryIndexes", [])]
            states = {part.get("TableStatus", part.get("IndexStatus")) for part in parts}
            if states <= {"ACTIVE"}:
                return table
            time.sleep(STATUS_POLL_S)

    @classmethod
    def _add_index(cls, name: str) -> None:
        schema = cls._indexes[name]._get_schema()  # noqa: SLF001 -- no public way to one index
        create = {
            "IndexName": name,
            "KeySchema": sorted(schema["key_schema"], key=lambda key: key["KeyType"]),
            "Projection": schema["projection"],
        }
        cls._ask(
            "UpdateTable",
            AttributeDefinitions=schema["attribute_definitions"],
            GlobalSecondaryIndexUpdates=[{"Create": create}],
        )
        cls._described()

    @classmethod
    def _enable_expiry(cls) -> None:
        answer = cls._ask("DescribeTimeToLive")["TimeToLiveDescription"]
        if answer["TimeToLiveStatus"] in {"DISABLED", "DISABLING"}:
            wanted = {"AttributeName": EXPIRES_AT, "Enabled": True}
            cls._ask("UpdateTimeToLive", TimeToLiveSpecification=wanted)

    @classmethod
    def _ask(cls, operation: str, **parameters: Any) -> dict[str, Any]:
        table = cls._get_connection()
        answer: dict[str, Any] = table.connection._make_api_call(  # noqa: SLF001 -- it is ours
            operation, {"TableName": table.table_name, **parameters}
        )
        return answer

    @classmethod
    def _get_connection(cls) -> TableConnection:
        """Return PynamoDB's connection of this class, on the shared client of the present settings."""
        root = _shared.root()
        table: TableConnection | None = vars(cls).get("_connection")  # not a parent class's
        if table is not None and getattr(table.connection, "root", None) is root:
            return table
        with _shared.lock:
            cls._connection = None
            name = getattr(settings, cls.table_setting)
            cls.Meta = type("Meta", (Table.Meta,), {"table_name": name})  # type: ignore[misc, assignment]  # PynamoDB looks there
            table = super()._get_connection()
            connection = _Connection(root)
            connection.add_meta_table(table.get_meta_table())
            table.connection = connection
            return table


_tables: list[type[Table]] = []


def owns_its_table[T: type[Table]](table: T) -> T:
    """Register the class whose indexes are the table's; kinds that only live there don't register."""
    _tables.append(table)
    return table


def create_tables() -> list[str]:
    """Create the tables and indexes that are missing, and return the names of the new tables."""
    return [table.Meta.table_name for table in _tables if table.prepare()]


# --- Writing ---------------------------------------------------------------------------------


class ConditionsFailedError(Exception):
    """Some conditions of a transaction didn't hold, so nothing was written; `failed` names them."""

    def __init__(self, failed: frozenset[str]) -> None:
        super().__init__(", ".join(sorted(failed)))
        self.failed = failed


class _Kind(IntEnum):
    """PynamoDB sends the writes of a transaction sorted so, whatever the order of the calls."""

    DELETE = 0
    PUT = 1
    UPDATE = 2


UNGUARDED = "nothing"
"""The name of no condition: of a write that rides on another one's, or may happen in any case."""

MOST_WRITES = 100
"""How many writes DynamoDB takes in one transaction."""


class Transaction:
    """Writes that happen together or not at all; each condition has a name that says what it guards."""

    def __init__(self) -> None:
        self._writes: list[tuple[_Kind, str, Callable[[TransactWrite], None]]] = []

    def put(self, item: Table, *, only_if: Condition | None = None, named: str = UNGUARDED) -> None:
        """Store `item` whole, if `only_if` holds for what is there."""
        self._writes.append((_Kind.PUT, named, lambda write: write.save(item, condition=only_if)))

    def change(
        self,
        item: Table,
        *,
        attributes: Collection[str] | None = None,
        only_if: Condition,
        named: str,
    ) -> None:
        """Write the attributes that our model knows, or only those named; leave the others as stored."""
        actions = _assignments(item, attributes)
        self._writes.append(
            (_Kind.UPDATE, named, lambda write: write.update(item, actions, condition=only_if))
        )

    def delete(
        self, item: Table, *, only_if: Condition | None = None, named: str = UNGUARDED
    ) -> None:
        """Delete `item`, if `only_if` holds for what is there."""
        self._writes.append(
            (_Kind.DELETE, named, lambda write: write.delete(item, condition=only_if))
        )

    def commit(self) -> None:
        """Write.

        Raises:
            ConditionsFailedError: some conditions don't hold.
            BusyError: another transaction is at one of the items just now.

        """
        # The answer's reasons come in the order in which PynamoDB sends.
        writes = sorted(self._writes, key=lambda write: write[0])
        try:
            with TransactWrite(connection=_shared.root()) as transaction:
                for _, _, add in writes:
                    add(transaction)
        except TransactWriteError as error:
            raise _refusal(error, [name for _, name, _ in writes]) from error


def _assignments(item: Table, only: Collection[str] | None) -> list[Action]:
    actions: list[Action] = []
    for name, attribute in item.get_attributes().items():
        is_key = attribute.is_hash_key or attribute.is_range_key
        if not is_key and (only is None or name in only):
            value = getattr(item, name)
            actions.append(attribute.remove() if value is None else attribute.set(value))
    return actions


def _refusal(error: TransactWriteError, names: list[str]) -> Exception:
    if error.cause_response_code == "TransactionInProgressException":
        return BusyError(reason="contention")
    reasons = error.cancellation_reasons
    if failed := frozenset(
        name
        for name, reason in zip(names, reasons, strict=False)
        if reason is not None and reason.code == "ConditionalCheckFailed"
    ):
        return ConditionsFailedError(failed)
    if any(reason is not None and reason.code == "TransactionConflict" for reason in reasons):
        return BusyError(reason="contention")
    return error
