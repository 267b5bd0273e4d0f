"""What our repositories take for granted of transactions."""

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


def write(table: Table, operations: Sequence[Any], **more: Any) -> None:
    table.client.transact_write_items(TransactItems=list(operations), **more)


def test_transaction_applies_all_writes(table: Table, unique: str) -> None:
    table.put(f"{unique}-b", word={"S": "old"})
    table.put(f"{unique}-c")
    update = {
        "TableName": table.name,
        "Key": table.key(f"{unique}-b"),
        "UpdateExpression": "SET word = :w",
        "ExpressionAttributeValues": {":w": {"S": "new"}},
    }
    delete = {"TableName": table.name, "Key": table.key(f"{unique}-c")}

    write(table, [table.put_op(f"{unique}-a"), {"Update": update}, {"Delete": delete}])

    assert table.get(f"{unique}-a")
    assert table.there(f"{unique}-b")["word"] == {"S": "new"}
    assert table.get(f"{unique}-c") is None


def test_transaction_with_a_failed_condition_writes_nothing(table: Table, unique: str) -> None:
    table.put(f"{unique}-there")
    operations = [
        table.put_op(f"{unique}-a", only_if=ABSENT),
        table.put_op(f"{unique}-there", only_if=ABSENT),
        table.put_op(f"{unique}-c"),
    ]

    with pytest.raises(ClientError) as caught:
        write(table, operations)

    assert caught.value.response["Error"]["Code"] == "TransactionCanceledException"
    assert reasons_of(caught.value) == ["None", "ConditionalCheckFailed", "None"]
    assert table.get(f"{unique}-a") is None
    assert table.get(f"{unique}-c") is None


def test_condition_check_guards_an_item_without_writing_it(table: Table, unique: str) -> None:
    check = {
        "TableName": table.name,
        "Key": table.key(f"{unique}-guard"),
        "ConditionExpression": PRESENT,
    }
    operations = [{"ConditionCheck": check}, table.put_op(f"{unique}-a")]

    with pytest.raises(ClientError) as caught:
        write(table, operations)
    assert reasons_of(caught.value) == ["ConditionalCheckFailed", "None"]

    table.put(f"{unique}-guard")
    write(table, operations)
    assert table.get(f"{unique}-a")


def test_request_with_a_token_is_applied_once(table: Table, unique: str) -> None:
    add = {
        "TableName": table.name,
        "Key": table.key(unique),
        "UpdateExpression": "ADD n :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    token = opaque_id()
    for _ in range(3):
        write(table, [{"Update": add}], ClientRequestToken=token)

    assert table.there(unique)["n"] == {"N": "1"}


def test_request_token_of_another_request_is_refused(table: Table, unique: str) -> None:
    token = opaque_id()
    write(table, [table.put_op(unique)], ClientRequestToken=token)

    with pytest.raises(ClientError) as caught:
        write(table, [table.put_op(f"{unique}-other")], ClientRequestToken=token)

    assert caught.value.response["Error"]["Code"] == "IdempotentParameterMismatchException"


def test_item_may_be_in_a_transaction_only_once(table: Table, unique: str) -> None:
    with pytest.raises(ClientError) as caught:
        write(table, [table.put_op(unique), table.put_op(unique)])

    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_transactional_read_returns_one_state(table: Table, unique: str) -> None:
    write(table, [table.put_op(f"{unique}-{n}", n={"N": str(n)}) for n in range(3)])
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


def commit_unless_refused(table: Table, operations: Sequence[Any]) -> bool:
    """Write, again while others are at the same items; return whether the conditions held."""
    while True:
        try:
            write(table, operations)
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

    def win(writer: int, key: int) -> bool:
        main = table.put_op(f"{unique}-{key}", only_if=ABSENT)
        return commit_unless_refused(table, [main, table.put_op(f"{unique}-{key}-by-{writer}")])

    def win_all(writer: int) -> list[bool]:
        return [win(writer, key) for key in keys]

    with ThreadPoolExecutor(THREADS) as threads:
        won = list(threads.map(win_all, range(THREADS)))

    for key in keys:
        assert [wins[key] for wins in won].count(True) == 1
        side_writes = [table.get(f"{unique}-{key}-by-{w}") is not None for w in range(THREADS)]
        assert side_writes == [wins[key] for wins in won]


def test_counter_guarded_by_its_revision_loses_no_change(table: Table, unique: str) -> None:
    """The way of the guard item: read, decide, write if the revision is still the one read."""
    table.put(unique, revision={"N": "0"})

    def bump() -> bool:
        seen = int(table.there(unique)["revision"]["N"])
        put = table.put_op(unique, only_if="revision = :seen", revision={"N": str(seen + 1)})
        put["Put"]["ExpressionAttributeValues"] = {":seen": {"N": str(seen)}}
        return commit_unless_refused(table, [put])

    def bump_four_times(_: int) -> None:
        done = 0
        while done < 4:
            done += bump()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(bump_four_times, range(4)))

    assert table.there(unique)["revision"] == {"N": "16"}
