"""What the repositories rely on in transactions."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from common.ids import opaque_id
from tests.conformance.conftest import THREADS, Table

pytestmark = pytest.mark.store

ABSENT = "attribute_not_exists(PK)"
PRESENT = "attribute_exists(PK)"


def reasons_of(error: ClientError) -> list[str]:
    return [reason["Code"] for reason in error.response["CancellationReasons"]]


def write_transaction(table: Table, operations: Sequence[Any], **more: Any) -> None:
    table.client.transact_write_items(TransactItems=list(operations), **more)


def test_transaction_applies_all_writes(table: Table, unique: str) -> None:
    table.put_item(f"{unique}-b", colour={"S": "old"})
    table.put_item(f"{unique}-c")
    update = {
        "TableName": table.name,
        "Key": table.key(f"{unique}-b"),
        "UpdateExpression": "SET colour = :w",
        "ExpressionAttributeValues": {":w": {"S": "new"}},
    }
    delete = {"TableName": table.name, "Key": table.key(f"{unique}-c")}

    write_transaction(
        table, [table.put_operation(f"{unique}-a"), {"Update": update}, {"Delete": delete}]
    )

    assert table.find_item(f"{unique}-a")
    assert table.get_item(f"{unique}-b")["colour"] == {"S": "new"}
    assert table.find_item(f"{unique}-c") is None


def test_transaction_with_a_failed_condition_writes_nothing(table: Table, unique: str) -> None:
    table.put_item(f"{unique}-there")
    operations = [
        table.put_operation(f"{unique}-a", condition=ABSENT),
        table.put_operation(f"{unique}-there", condition=ABSENT),
        table.put_operation(f"{unique}-c"),
    ]

    with pytest.raises(ClientError) as caught:
        write_transaction(table, operations)

    assert caught.value.response["Error"]["Code"] == "TransactionCanceledException"
    assert reasons_of(caught.value) == ["None", "ConditionalCheckFailed", "None"]
    assert table.find_item(f"{unique}-a") is None
    assert table.find_item(f"{unique}-c") is None


def test_condition_check_guards_an_item_without_writing_it(table: Table, unique: str) -> None:
    check = {
        "TableName": table.name,
        "Key": table.key(f"{unique}-guard"),
        "ConditionExpression": PRESENT,
    }
    operations = [{"ConditionCheck": check}, table.put_operation(f"{unique}-a")]

    with pytest.raises(ClientError) as caught:
        write_transaction(table, operations)
    assert reasons_of(caught.value) == ["ConditionalCheckFailed", "None"]

    table.put_item(f"{unique}-guard")
    write_transaction(table, operations)
    assert table.find_item(f"{unique}-a")


def test_request_with_a_token_is_applied_once(table: Table, unique: str) -> None:
    add = {
        "TableName": table.name,
        "Key": table.key(unique),
        "UpdateExpression": "ADD n :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    token = opaque_id()
    for _ in range(3):
        write_transaction(table, [{"Update": add}], ClientRequestToken=token)

    assert table.get_item(unique)["n"] == {"N": "1"}


def test_request_token_of_another_request_is_refused(table: Table, unique: str) -> None:
    token = opaque_id()
    write_transaction(table, [table.put_operation(unique)], ClientRequestToken=token)

    with pytest.raises(ClientError) as caught:
        write_transaction(table, [table.put_operation(f"{unique}-other")], ClientRequestToken=token)

    assert caught.value.response["Error"]["Code"] == "IdempotentParameterMismatchException"


def test_item_may_be_in_a_transaction_only_once(table: Table, unique: str) -> None:
    with pytest.raises(ClientError) as caught:
        write_transaction(table, [table.put_operation(unique), table.put_operation(unique)])

    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_transactional_read_returns_one_state(table: Table, unique: str) -> None:
    write_transaction(
        table, [table.put_operation(f"{unique}-{n}", n={"N": str(n)}) for n in range(3)]
    )
    gets = [
        {"Get": {"TableName": table.name, "Key": table.key(f"{unique}-{n}")}} for n in (0, 1, 2, 9)
    ]

    found = table.client.transact_get_items(TransactItems=gets)["Responses"]

    assert [each.get("Item", {}).get("n") for each in found] == [
        {"N": "0"},
        {"N": "1"},
        {"N": "2"},
        None,
    ]


def commit_with_retries(table: Table, operations: Sequence[Any]) -> bool:
    """Write, again while other transactions conflict; return whether the conditions were true."""
    while True:
        try:
            write_transaction(table, operations)
        except ClientError as error:
            codes = {*reasons_of(error)} - {"None"}
            if "ConditionalCheckFailed" in codes:
                return False
            if codes != {"TransactionConflict"}:
                raise
            time.sleep(0.01)
        else:
            return True


def test_one_of_sixteen_transactions_on_one_key_applies(table: Table, unique: str) -> None:
    keys = range(12)

    def write_key(writer: int, key: int) -> bool:
        main = table.put_operation(f"{unique}-{key}", condition=ABSENT)
        side = table.put_operation(f"{unique}-{key}-by-{writer}")
        return commit_with_retries(table, [main, side])

    def write_all_keys(writer: int) -> list[bool]:
        return [write_key(writer, key) for key in keys]

    with ThreadPoolExecutor(THREADS) as threads:
        succeeded = list(threads.map(write_all_keys, range(THREADS)))

    for key in keys:
        writers = [by_key[key] for by_key in succeeded]
        assert writers.count(True) == 1
        side_writes = [
            table.find_item(f"{unique}-{key}-by-{writer}") is not None for writer in range(THREADS)
        ]
        assert side_writes == writers


def test_counter_guarded_by_its_revision_loses_no_change(table: Table, unique: str) -> None:
    """The guard item is written so: read, decide, write if the revision is still the one read."""
    table.put_item(unique, revision={"N": "0"})

    def bump() -> bool:
        seen = int(table.get_item(unique)["revision"]["N"])
        put = table.put_operation(
            unique, condition="revision = :seen", revision={"N": str(seen + 1)}
        )
        put["Put"]["ExpressionAttributeValues"] = {":seen": {"N": str(seen)}}
        return commit_with_retries(table, [put])

    def bump_four_times(_: int) -> None:
        done = 0
        while done < 4:
            done += bump()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(bump_four_times, range(4)))

    assert table.get_item(unique)["revision"] == {"N": "16"}
