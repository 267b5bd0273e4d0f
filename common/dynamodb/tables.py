"""The base class of the PynamoDB models, and the registry from which tables are created and checked."""

import time
from collections.abc import Collection
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

    All our tables have the same primary key, so several kinds of item may share one table; the key
    prefix tells them apart. One model of each table is registered, and it alone declares all of the
    table's indexes.
    """

    table_setting: ClassVar[str]
    """The name of the setting that holds the table's name."""
    key_prefix: ClassVar[str]
    """What PK and SK of this kind of item start with."""
    _tables_of_roots: ClassVar[dict[DynamoDBConnection, TableConnection]]
    """The class's connections by the root connection that each belongs to."""

    class Meta:
        """PynamoDB adds the other options; only these two are used, see `_get_connection`."""

        billing_mode = "PAY_PER_REQUEST"
        table_name = ""

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")

    @classmethod
    def key(cls, item_id: str) -> tuple[str, str]:
        """Return PK and SK of an item: both are its kind, `#` and its id."""
        key = f"{cls.key_prefix}#{item_id}"
        return key, key

    @classmethod
    def find(cls, item_id: str) -> Self | None:
        """Return the item with this id by a consistent read, or None."""
        try:
            return cls.get(*cls.key(item_id), consistent_read=True)
        except cls.DoesNotExist:
            return None

    @classmethod
    def find_all(cls, item_ids: Collection[str]) -> dict[str, Self]:
        """Return the items with these ids by consistent reads, those that exist."""
        keys = [cls.key(item_id) for item_id in item_ids]
        found = cls.batch_get(keys, consistent_read=True) if keys else ()
        return {item.pk.partition("#")[2]: item for item in found}

    @classmethod
    def is_empty(cls) -> bool:
        """Whether the table holds no item of any kind."""
        return next(iter(cls.scan(limit=1, attributes_to_get=["PK", "SK"])), None) is None

    @classmethod
    def delete_all_items(cls) -> None:
        """Delete every item of any kind from the table."""
        with cls.batch_write() as batch:
            for item in cls.scan(attributes_to_get=["PK", "SK"]):
                batch.delete(item)

    @classmethod
    def create_or_complete(cls) -> bool:
        """Create the table, or add the indexes and the expiry it lacks; return whether it is new."""
        is_new = not cls.exists() and cls._create()
        description = cls._wait_until_active()
        existing = {index["IndexName"] for index in description.get("GlobalSecondaryIndexes", [])}
        for name in cls._indexes:
            if name not in existing:
                cls._add_index(name)
        cls._enable_expiry()
        return is_new

    @classmethod
    def call_api(cls, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call an operation of DynamoDB's API on the table and return its response."""
        connection = cls.connection()
        response: dict[str, Any] = connection.connection._make_api_call(  # noqa: SLF001 -- our subclass overrides it
            operation, {"TableName": connection.table_name, **parameters}
        )
        return response

    @classmethod
    def connection(cls) -> TableConnection:
        """Return the table's connection, made from the current settings."""
        return cls._get_connection()

    @classmethod
    def index_names(cls) -> list[str]:
        """Return the names of the indexes that the model declares."""
        return list(cls._indexes)

    @classmethod
    def index_key_names(cls, index: str) -> dict[str, str]:
        """Return the stored names of an index's keys, by their types HASH and RANGE."""
        schema = cls._index_schema(index)
        return {key["KeyType"]: key["AttributeName"] for key in schema["key_schema"]}

    @classmethod
    def key_attribute_types(cls) -> dict[str, str]:
        """Return DynamoDB's types of all key attributes, of the table and of its indexes, by name."""
        definitions = cls._get_schema()["attribute_definitions"]
        return {each["AttributeName"]: each["AttributeType"] for each in definitions}

    @classmethod
    def _index_schema(cls, index: str) -> dict[str, Any]:
        schema: Any = cls._indexes[index]._get_schema()  # noqa: SLF001 -- PynamoDB has no public way
        return dict(schema)

    @classmethod
    def _create(cls) -> bool:
        schema = cls._get_schema()
        try:
            cls.connection().create_table(
                attribute_definitions=schema["attribute_definitions"],
                key_schema=schema["key_schema"],
                global_secondary_indexes=schema["global_secondary_indexes"],
                billing_mode=Table.Meta.billing_mode,
            )
        except TableError as error:
            if error.cause_response_code != "ResourceInUseException":
                raise
            return False  # another process created it
        return True

    @classmethod
    def _wait_until_active(cls) -> dict[str, Any]:
        """Return the table's description once the table and all of its indexes are active."""
        while True:
            table: dict[str, Any] = cls.describe_table()
            parts = [table, *table.get("GlobalSecondaryIndexes", [])]
            states = {part.get("TableStatus", part.get("IndexStatus")) for part in parts}
            if states <= {"ACTIVE"}:
                return table
            time.sleep(STATUS_POLL_S)

    @classmethod
    def _add_index(cls, name: str) -> None:
        schema = cls._index_schema(name)
        creation = {
            "IndexName": name,
            "KeySchema": sorted(schema["key_schema"], key=lambda key: key["KeyType"]),
            "Projection": schema["projection"],
        }
        cls.call_api(
            "UpdateTable",
            AttributeDefinitions=schema["attribute_definitions"],
            GlobalSecondaryIndexUpdates=[{"Create": creation}],
        )
        cls._wait_until_active()

    @classmethod
    def _enable_expiry(cls) -> None:
        expiry = cls.call_api("DescribeTimeToLive")["TimeToLiveDescription"]
        if expiry["TimeToLiveStatus"] in {"DISABLED", "DISABLING"}:
            cls.call_api(
                "UpdateTimeToLive",
                TimeToLiveSpecification={"AttributeName": EXPIRES_AT, "Enabled": True},
            )

    @classmethod
    def _get_connection(cls) -> TableConnection:
        """Return the connection that PynamoDB uses for this class, on the shared client.

        PynamoDB calls this before each request. After `reset_client` it makes a new connection,
        with the table's name from the settings.
        """
        root = shared_client.root()
        tables: dict[DynamoDBConnection, TableConnection] = vars(cls).get("_tables_of_roots", {})
        if (table := tables.get(root)) is not None:
            return table  # made since the last `reset_client`
        with shared_client.lock:
            cls._connection = None
            name = getattr(settings, cls.table_setting)
            cls.Meta = type("Meta", (Table.Meta,), {"table_name": name})  # type: ignore[misc, assignment]  # PynamoDB looks there
            table = super()._get_connection()
            connection = DynamoDBConnection(root)
            connection.add_meta_table(table.get_meta_table())
            table.connection = connection
            tables = vars(cls).get("_tables_of_roots", {})
            current = {each: tables[each] for each in tables if shared_client.is_root(each)}
            cls._tables_of_roots = {**current, root: table}
            return table


registered_tables: list[type[Table]] = []


def register_table[T: type[Table]](table: T) -> T:
    """Register the model that declares a table's indexes. Other models of the table don't register."""
    registered_tables.append(table)
    return table


def create_tables() -> list[str]:
    """Create the missing tables and indexes; return the names of the new tables."""
    return [table.Meta.table_name for table in registered_tables if table.create_or_complete()]


def check_tables() -> None:
    """Read one item of each table.

    Raises:
        UnavailableError: DynamoDB or one of the tables does not respond; the log says why.

    """
    for table in registered_tables:
        table.find("check")
