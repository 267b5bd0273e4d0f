"""What the repositories rely on in single writes."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conformance.conftest import THREADS, Table

pytestmark = pytest.mark.store

ABSENT = "attribute_not_exists(PK)"


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    code: str = error.value.response["Error"]["Code"]
    return code


def test_conditional_put_keeps_an_existing_item(table: Table, unique: str) -> None:
    table.put_item(unique, condition=ABSENT, colour={"S": "first"})

    with pytest.raises(ClientError) as caught:
        table.put_item(unique, condition=ABSENT, colour={"S": "second"})

    assert code_of(caught) == "ConditionalCheckFailedException"
    assert table.get_item(unique)["colour"] == {"S": "first"}


def test_one_of_sixteen_conditional_puts_succeeds(table: Table, unique: str) -> None:
    keys = [f"{unique}-{n}" for n in range(15)]

    def put_all(writer: int) -> list[str]:
        written = []
        for key in keys:
            try:
                table.put_item(key, condition=ABSENT, writer={"N": str(writer)})
                written.append(key)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    raise
        return written

    with ThreadPoolExecutor(THREADS) as threads:
        written = [key for keys in threads.map(put_all, range(THREADS)) for key in keys]

    assert sorted(written) == sorted(keys)


def test_concurrent_additions_are_all_counted(table: Table, unique: str) -> None:
    def add(_: int) -> None:
        for _again in range(10):
            table.client.update_item(
                TableName=table.name,
                Key=table.key(unique),
                UpdateExpression="ADD n :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(add, range(THREADS)))

    assert table.get_item(unique)["n"] == {"N": str(10 * THREADS)}


def test_update_sets_and_removes_attributes_and_keeps_the_rest(table: Table, unique: str) -> None:
    table.put_item(unique, a={"S": "old"}, b={"S": "gone"}, c={"S": "kept"})

    table.client.update_item(
        TableName=table.name,
        Key=table.key(unique),
        UpdateExpression="SET a = :new REMOVE b",
        ConditionExpression="a = :old",
        ExpressionAttributeValues={":new": {"S": "new"}, ":old": {"S": "old"}},
    )

    assert table.find_item(unique) == table.key(unique) | {"a": {"S": "new"}, "c": {"S": "kept"}}


def test_conditional_update_does_not_create_an_item(table: Table, unique: str) -> None:
    with pytest.raises(ClientError) as caught:
        table.client.update_item(
            TableName=table.name,
            Key=table.key(unique),
            UpdateExpression="SET a = :a",
            ConditionExpression="v = :v",
            ExpressionAttributeValues={":a": {"S": "a"}, ":v": {"S": "v"}},
        )

    assert code_of(caught) == "ConditionalCheckFailedException"
    assert table.find_item(unique) is None


def test_conditions_compare_numbers_as_numbers(table: Table, unique: str) -> None:
    table.put_item(unique, expiresAt={"N": "900"})
    condition = "attribute_not_exists(PK) OR expiresAt <= :now"
    item = table.key(unique) | {"colour": {"S": "new"}}

    def put_at(now: str) -> None:
        table.client.put_item(
            TableName=table.name,
            Item=item,
            ConditionExpression=condition,
            ExpressionAttributeValues={":now": {"N": now}},
        )

    with pytest.raises(ClientError):
        put_at("899")
    put_at("1000")
    assert table.get_item(unique)["colour"] == {"S": "new"}


@pytest.mark.parametrize(
    "number", ["0.1", "67.48", "9999999999.99", "12345678901234567890123456789012345678"]
)
def test_numbers_keep_their_digits(table: Table, unique: str, number: str) -> None:
    table.put_item(unique, n={"N": number})

    assert table.get_item(unique)["n"] == {"N": number}


def test_empty_and_nested_values_are_kept(table: Table, unique: str) -> None:
    value = {
        "M": {"empty": {"S": ""}, "none": {"L": []}, "deep": {"L": [{"M": {"ñ": {"S": "é"}}}]}}
    }
    table.put_item(unique, value=value)

    assert table.get_item(unique)["value"] == value


@pytest.mark.parametrize("bad", [{"S": ""}, {"N": "1"}, {"NULL": True}])
def test_index_key_must_be_a_nonempty_string(
    table: Table, unique: str, bad: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as caught:
        table.put_item(unique, status=bad)

    assert code_of(caught) == "ValidationException"


def test_item_over_400_kilobytes_is_refused(table: Table, unique: str) -> None:
    table.put_item(unique, colour={"S": "x" * 390_000})

    with pytest.raises(ClientError) as caught:
        table.put_item(unique, colour={"S": "x" * 420_000})
    assert code_of(caught) == "ValidationException"


def test_missing_table_is_a_resource_not_found_error(client: Any) -> None:
    with pytest.raises(ClientError) as caught:
        client.get_item(TableName="no-such-table-here", Key={"PK": {"S": "1"}, "SK": {"S": "1"}})

    assert code_of(caught) == "ResourceNotFoundException"


def test_batch_writes_and_deletes(table: Table, unique: str) -> None:
    ids = [f"{unique}-{n:02}" for n in range(25)]
    puts = [{"PutRequest": {"Item": table.key(i) | {"colour": {"S": i}}}} for i in ids]
    response = table.client.batch_write_item(RequestItems={table.name: puts})
    assert not response.get("UnprocessedItems")
    assert [table.get_item(i)["colour"] for i in ids] == [{"S": i} for i in ids]

    deletes = [{"DeleteRequest": {"Key": table.key(i)}} for i in ids]
    table.client.batch_write_item(RequestItems={table.name: deletes})
    assert [table.find_item(i) for i in ids] == [None] * 25
