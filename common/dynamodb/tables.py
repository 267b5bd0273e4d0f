"""The base class of the PynamoDB models, and the registry from which tables are created and checked."""

import time
from typing import Any, ClassVar, Self

from django.conf import settings
from pynamodb.attributes import UnicodeAttribute
from pynamodb.connection import TableConnection
from pynamodb.exceptions import TableError
from pynamodb.models import Model

from common.dynamodb.client import DynamoDBConnection, shared_client

EXPIRES_AT = "expiresAt"
"""The time-to-live attribute of every table: seconds since 1970."""

STATUS_POLL_S = 1.0


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
        root = shared_client.root()
        table: TableConnection | None = vars(cls).get("_connection")  # not a parent class's
        if table is not None and getattr(table.connection, "root", None) is root:
            return table
        with shared_client.lock:
            cls._connection = None
            name = getattr(settings, cls.table_setting)
            cls.Meta = type("Meta", (Table.Meta,), {"table_name": name})  # type: ignore[misc, assignment]  # PynamoDB looks there
            table = super()._get_connection()
            connection = DynamoDBConnection(root)
            connection.add_meta_table(table.get_meta_table())
            table.connection = connection
            return table


registered_tables: list[type[Table]] = []


def register_table[T: type[Table]](table: T) -> T:
    """Register the class whose indexes are the table's; kinds that only live there don't register."""
    registered_tables.append(table)
    return table


def create_tables() -> list[str]:
    """Create the tables and indexes that are missing, and return the names of the new tables."""
    return [table.Meta.table_name for table in registered_tables if table.prepare()]


def check_tables() -> None:
    """Ask each table for one item.

    Raises:
        UnavailableError: DynamoDB, or one of the tables, doesn't answer; the log says why.

    """
    for table in registered_tables:
        table.find("check")
