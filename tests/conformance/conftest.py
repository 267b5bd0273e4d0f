"""The DynamoDB under test: by default the stand-in, or another one by environment variables.

    DYNAMODB_TEST_ENDPOINT=http://localhost:8000     DynamoDB Local, or any other implementation
    DYNAMODB_TEST_AWS_PROFILE=name                   AWS itself, with that profile; it costs cents
    DYNAMODB_TEST_REGION=us-east-1
    DYNAMODB_TEST_TABLE_PREFIX=conformance-          must be set for AWS

The suite creates one table with a unique name, and deletes only that one.
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import boto3
import pytest
from botocore.config import Config

from common.ids import opaque_id

AWS_PROFILE = os.environ.get("DYNAMODB_TEST_AWS_PROFILE")
REGION = os.environ.get("DYNAMODB_TEST_REGION", "us-east-1")
PREFIX = os.environ.get("DYNAMODB_TEST_TABLE_PREFIX", "" if AWS_PROFILE else "conformance-")
INDEX_DELAY_S = 10
THREADS = 16


@pytest.fixture(scope="session")
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    config = Config(retries={"mode": "standard", "total_max_attempts": 3}, max_pool_connections=32)
    if AWS_PROFILE:
        if not PREFIX:
            pytest.fail("On AWS, set DYNAMODB_TEST_TABLE_PREFIX, too.", pytrace=False)
        session = boto3.Session(profile_name=AWS_PROFILE, region_name=REGION)
        made = session.client("dynamodb", config=config)
    else:
        endpoint = os.environ.get("DYNAMODB_TEST_ENDPOINT") or request.getfixturevalue("dynamodb")
        made = boto3.client(
            "dynamodb",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=config,
        )
    yield made
    made.close()


@dataclass(frozen=True, slots=True)
class Table:
    """A table with the project's key schema, and short forms of the requests of the tests."""

    client: Any
    name: str

    def key(self, item_id: str) -> dict[str, Any]:
        return {"PK": {"S": f"ITEM#{item_id}"}, "SK": {"S": f"ITEM#{item_id}"}}

    def put_item(self, item_id: str, *, condition: str | None = None, **attributes: Any) -> None:
        options = {"ConditionExpression": condition} if condition else {}
        self.client.put_item(
            TableName=self.name, Item={**self.key(item_id), **attributes}, **options
        )

    def find_item(self, item_id: str) -> dict[str, Any] | None:
        response = self.client.get_item(
            TableName=self.name, Key=self.key(item_id), ConsistentRead=True
        )
        item: dict[str, Any] | None = response.get("Item")
        return item

    def get_item(self, item_id: str) -> dict[str, Any]:
        """Return an item that must exist."""
        item = self.find_item(item_id)
        assert item is not None
        return item

    def query(self, status: str, **more: Any) -> dict[str, Any]:
        """Query the index with `status` as its hash key and `createdAt` as its range key."""
        values = {":s": {"S": status}, **more.pop("values", {})}
        condition = " AND ".join(["#s = :s", *more.pop("range", [])])
        response: dict[str, Any] = self.client.query(
            TableName=self.name,
            IndexName="StatusIndex",
            KeyConditionExpression=condition,
            ExpressionAttributeNames={"#s": "status"},
            ExpressionAttributeValues=values,
            **more,
        )
        return response

    def put_operation(
        self, item_id: str, *, condition: str | None = None, **attributes: Any
    ) -> Any:
        """Return a put for a transaction."""
        options = {"ConditionExpression": condition} if condition else {}
        item = {**self.key(item_id), **attributes}
        return {"Put": {"TableName": self.name, "Item": item, **options}}


ATTRIBUTES = ("PK", "SK", "status", "createdAt")


@pytest.fixture(scope="session")
def table(client: Any) -> Iterator[Table]:
    name = f"{PREFIX}{opaque_id()[:12]}"
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": a, "AttributeType": "S"} for a in ATTRIBUTES],
        KeySchema=[
            {"AttributeName": "PK", "KeyType": "HASH"},
            {"AttributeName": "SK", "KeyType": "RANGE"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "StatusIndex",
                "KeySchema": [
                    {"AttributeName": "status", "KeyType": "HASH"},
                    {"AttributeName": "createdAt", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    try:
        client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
        yield Table(client, name)
    finally:
        client.delete_table(TableName=name)


_numbers = count(1)


@pytest.fixture
def unique() -> str:
    """Return a text that no other test uses, for ids and index partitions."""
    return f"t{next(_numbers)}-{opaque_id()[:6]}"


def assert_eventually[T](read: Callable[[], T], expected: T) -> None:
    """Assert that `read()` returns `expected` soon: on AWS, indexes are updated after the table."""
    deadline = time.monotonic() + INDEX_DELAY_S
    while (seen := read()) != expected and time.monotonic() < deadline:
        time.sleep(0.05)
    assert seen == expected
