"""What the repositories rely on in indexes and pages."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conformance.conftest import Table, assert_eventually

pytestmark = pytest.mark.store


def day(number: int) -> dict[str, str]:
    return {"S": f"2026-11-{number:02}T12:00:00.000Z"}


@pytest.fixture
def month(table: Table, unique: str) -> str:
    """Put twenty items of one status, one a day, in no order, and one without its index keys."""
    for number in sorted(range(1, 21), key=lambda n: n * 7 % 20):
        even = {"S": "yes" if number % 2 == 0 else "no"}
        table.put_item(
            f"{unique}-{number:02}", status={"S": unique}, createdAt=day(number), even=even
        )
    table.put_item(f"{unique}-without")
    assert_eventually(lambda: table.query(unique, Select="COUNT")["Count"], 20)
    return unique


def days(response: Any) -> list[int]:
    return [int(item["createdAt"]["S"][8:10]) for item in response["Items"]]


def test_index_returns_its_items_in_order(table: Table, month: str) -> None:
    assert days(table.query(month)) == list(range(1, 21))
    assert days(table.query(month, ScanIndexForward=False)) == list(range(20, 0, -1))


def test_range_condition_includes_both_ends(table: Table, month: str) -> None:
    found = table.query(
        month, range=["createdAt BETWEEN :a AND :b"], values={":a": day(5), ":b": day(8)}
    )

    assert days(found) == [5, 6, 7, 8]


def test_item_without_index_keys_is_in_no_index(table: Table, month: str) -> None:
    assert all(item["PK"]["S"] != f"ITEM#{month}-without" for item in table.query(month)["Items"])


def test_item_with_a_changed_key_moves_in_the_index(table: Table, month: str) -> None:
    table.put_item(f"{month}-05", status={"S": f"{month}-other"}, createdAt=day(5))

    assert_eventually(lambda: days(table.query(f"{month}-other")), [5])
    assert_eventually(lambda: 5 in days(table.query(month)), expected=False)


def test_deleted_item_leaves_the_index(table: Table, month: str) -> None:
    table.client.delete_item(TableName=table.name, Key=table.key(f"{month}-05"))

    assert_eventually(lambda: table.query(month, Select="COUNT")["Count"], 19)


def test_consistent_read_of_an_index_is_refused(table: Table, month: str) -> None:
    with pytest.raises(ClientError) as caught:
        table.query(month, ConsistentRead=True)

    assert caught.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.parametrize("size", [1, 7, 19, 20, 21])
@pytest.mark.parametrize("forward", [True, False])
def test_pages_have_no_gap_and_no_repetition(
    table: Table, month: str, size: int, forward: bool
) -> None:
    seen: list[int] = []
    more: dict[str, Any] = {}
    while True:
        response = table.query(month, Limit=size, ScanIndexForward=forward, **more)
        seen += days(response)
        if "LastEvaluatedKey" not in response:
            break
        more = {"ExclusiveStartKey": response["LastEvaluatedKey"]}

    expected = list(range(1, 21))
    assert seen == (expected if forward else expected[::-1])


def test_page_limit_counts_items_before_the_filter(table: Table, month: str) -> None:
    response = table.query(
        month, Limit=10, FilterExpression="even = :yes", values={":yes": {"S": "yes"}}
    )

    assert (response["Count"], response["ScannedCount"]) == (5, 10)
    assert "LastEvaluatedKey" in response


def test_scan_in_pages_finds_each_item_once(table: Table, month: str) -> None:
    seen: list[str] = []
    more: dict[str, Any] = {}
    while True:
        response = table.client.scan(
            TableName=table.name,
            Limit=6,
            FilterExpression="begins_with(PK, :p)",
            ExpressionAttributeValues={":p": {"S": f"ITEM#{month}-"}},
            ConsistentRead=True,
            **more,
        )
        seen += [item["PK"]["S"] for item in response["Items"]]
        if "LastEvaluatedKey" not in response:
            break
        more = {"ExclusiveStartKey": response["LastEvaluatedKey"]}

    assert len(seen) == len(set(seen)) == 21


def test_projection_returns_the_named_attributes_only(table: Table, month: str) -> None:
    response = table.client.scan(
        TableName=table.name, Limit=3, ProjectionExpression="PK, SK", ConsistentRead=True
    )

    assert all(item.keys() == {"PK", "SK"} for item in response["Items"])
