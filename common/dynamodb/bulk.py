"""Read and write whole tables item by item, as DynamoDB sends them, without the models.

For backups, data migrations, diagnosis and large sets of sample data. Interfaces and services don't
use this: they use repositories, which read indexes and write on conditions. It has a client of its
own, which waits longer than a customer would.

An item is in "DynamoDB JSON": `{"PK": {"S": "ORDER#1"}, "total": {"N": "67.48"}}`, with `bytes` as
the value of a binary attribute.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import batched
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings

from common.dynamodb.failures import unavailability_reason
from common.errors import UnavailableError

type Item = dict[str, Any]
type Key = tuple[str, str]
"""PK and SK of an item: all our tables have this primary key."""

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 60
MAX_REQUESTS = 5
WRITE_BATCH_SIZE = 25
GET_BATCH_SIZE = 100
MAX_THROTTLED_TRIES = 10
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0


def key_of(item: Mapping[str, Any]) -> Key:
    """Return PK and SK of an item."""
    return item["PK"]["S"], item["SK"]["S"]


def key_attributes(key: Key) -> Item:
    """Return the attributes PK and SK."""
    pk, sk = key
    return {"PK": {"S": pk}, "SK": {"S": sk}}


class BulkClient:
    """DynamoDB for commands; every method raises `UnavailableError` if DynamoDB fails."""

    def __init__(self, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep
        self._client: Any = boto3.client(  # of the default session, which loads the API once
            "dynamodb",
            region_name=settings.AWS_REGION,
            endpoint_url=settings.DYNAMODB_ENDPOINT_URL,
            config=Config(
                connect_timeout=CONNECT_TIMEOUT_S,
                read_timeout=READ_TIMEOUT_S,
                retries={"mode": "standard", "total_max_attempts": MAX_REQUESTS},
            ),
        )

    @property
    def endpoint(self) -> str:
        """The address that requests go to."""
        return str(self._client.meta.endpoint_url)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def call(self, operation: str, **parameters: Any) -> Item:
        """Call an operation by its name in snake_case and return its response.

        Raises:
            UnavailableError: DynamoDB failed; its cause is botocore's error.
            botocore.exceptions.ClientError: any other refusal, such as a failed condition.

        """
        try:
            response: Item = getattr(self._client, operation)(**parameters)
        except (BotoCoreError, ClientError) as error:
            reason = unavailability_reason(error)
            if reason is None:
                raise
            raise UnavailableError(reason=reason) from error
        return response

    def describe_table(self, table: str) -> Item | None:
        """Return the table's description, or None if there is no such table."""
        try:
            description: Item = self.call("describe_table", TableName=table)["Table"]
        except UnavailableError as error:
            if error.data["reason"] == "table_missing":
                return None
            raise
        return description

    # --- Reading

    def scan_pages(self, table: str, *, keys_only: bool = False) -> Iterator[list[Item]]:
        """Yield all items of a table, read consistently, a page of up to 1 MB at a time."""
        parameters: Item = {"TableName": table, "ConsistentRead": True}
        if keys_only:
            parameters["ProjectionExpression"] = "PK, SK"
        while True:
            page = self._while_throttled("scan", **parameters)
            yield page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            parameters["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def scan(self, table: str) -> Iterator[Item]:
        """Yield all items of a table, read consistently."""
        for page in self.scan_pages(table):
            yield from page

    def query(self, table: str, partition: str) -> Iterator[Item]:
        """Yield the items of one partition, read consistently, in the order of their sort keys."""
        parameters: Item = {
            "TableName": table,
            "ConsistentRead": True,
            "KeyConditionExpression": "PK = :pk",
            "ExpressionAttributeValues": {":pk": {"S": partition}},
        }
        while True:
            page = self._while_throttled("query", **parameters)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            parameters["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def is_empty(self, table: str) -> bool:
        """Whether the table has no item."""
        return not any(self.scan_pages(table, keys_only=True))

    def get(self, table: str, key: Key) -> Item | None:
        """Return the item with this key by a consistent read, or None."""
        response = self._while_throttled(
            "get_item", TableName=table, Key=key_attributes(key), ConsistentRead=True
        )
        item: Item | None = response.get("Item")
        return item

    def get_many(self, table: str, keys: Iterable[Key]) -> dict[Key, Item]:
        """Return the items with these keys by consistent reads; those that don't exist are absent."""
        found: dict[Key, Item] = {}
        for batch in batched(dict.fromkeys(keys), GET_BATCH_SIZE):
            remaining: Item = {
                table: {"Keys": [key_attributes(key) for key in batch], "ConsistentRead": True}
            }
            for pause_s in _pauses():
                response = self._while_throttled("batch_get_item", RequestItems=remaining)
                found |= {key_of(item): item for item in response["Responses"].get(table, [])}
                remaining = response.get("UnprocessedKeys", {})
                if not remaining:
                    break
                self._sleep(pause_s)
            else:
                raise UnavailableError(reason="throttled")
        return found

    # --- Writing

    def put_many(self, table: str, items: Iterable[Item]) -> Iterator[int]:
        """Store items, replacing those with the same keys; yield how many each request stored."""
        return self._write_many(table, ({"PutRequest": {"Item": item}} for item in items))

    def delete_many(self, table: str, keys: Iterable[Key]) -> Iterator[int]:
        """Delete items by their keys; yield how many each request deleted."""
        requests = ({"DeleteRequest": {"Key": key_attributes(key)}} for key in keys)
        return self._write_many(table, requests)

    def _write_many(self, table: str, requests: Iterable[Item]) -> Iterator[int]:
        for batch in batched(requests, WRITE_BATCH_SIZE):
            remaining: Sequence[Item] = batch
            for pause_s in _pauses():
                response = self._while_throttled(
                    "batch_write_item", RequestItems={table: list(remaining)}
                )
                remaining = response.get("UnprocessedItems", {}).get(table, [])
                if not remaining:
                    break
                self._sleep(pause_s)
            else:
                raise UnavailableError(reason="throttled")
            yield len(batch)

    def transact(self, writes: Sequence[Item]) -> list[int]:
        """Apply writes together or not at all; return the positions of those whose conditions failed.

        A conflict with another transaction counts as a failed condition: the item is changing.
        """
        try:
            self._while_throttled("transact_write_items", TransactItems=list(writes))
        except ClientError as error:
            reasons = error.response.get("CancellationReasons", [])
            failed = {"ConditionalCheckFailed", "TransactionConflict"}
            positions = [n for n, reason in enumerate(reasons) if reason.get("Code") in failed]
            if not positions:
                raise
            return positions
        return []

    def _while_throttled(self, operation: str, **parameters: Any) -> Item:
        for pause_s in _pauses():
            try:
                return self.call(operation, **parameters)
            except UnavailableError as error:
                if error.data["reason"] != "throttled":
                    raise
                self._sleep(pause_s)
        return self.call(operation, **parameters)


def _pauses() -> Iterator[float]:
    for attempt in range(MAX_THROTTLED_TRIES):
        yield min(FIRST_PAUSE_S * 2**attempt, LONGEST_PAUSE_S)
