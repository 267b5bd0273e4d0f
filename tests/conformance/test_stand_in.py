"""The stand-in as a process: it keeps what it acknowledged, and refuses what it can't keep."""

import http.client
import json
import signal
import socket
import statistics
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.journal import Journal, TableName, Touched
from tests.fixtures.dynamodb import PYTHON, ROOT, StartStandIn

pytestmark = pytest.mark.wire

KEYS = [{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}]
MANY = 5000


def client_of(url: str, access_key: str = "local", region: str = "us-east-1") -> Any:
    return boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key="any",
        config=Config(
            retries={"mode": "standard", "total_max_attempts": 1}, max_pool_connections=8
        ),
    )


TABLE = {
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": "S"} for name in ("PK", "SK", "word")
    ],
    "KeySchema": KEYS,
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "ByWord",
            "KeySchema": [{"AttributeName": "word", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}


def make_table(client: Any, name: str = "things") -> None:
    client.create_table(TableName=name, **TABLE)


def key(item_id: str) -> dict[str, Any]:
    return {"PK": {"S": item_id}, "SK": {"S": item_id}}


def put(client: Any, item_id: str, table: str = "things", **attributes: Any) -> None:
    client.put_item(TableName=table, Item=key(item_id) | attributes)


def ids(client: Any, table: str = "things") -> set[str]:
    pages = client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return {item["PK"]["S"] for page in pages for item in page["Items"]}


# --- Nothing that was acknowledged is lost


def test_kill_9_under_writers_loses_nothing_acknowledged(
    stand_in: StartStandIn, tmp_path: Path
) -> None:
    data = str(tmp_path / "data.sqlite3")
    first = stand_in("--data", data)
    with closing(client_of(first.url)) as client:
        make_table(client)
        acknowledged, in_transactions = write_until_it_dies(client, first.process)
    assert len(acknowledged) > 50

    again = stand_in("--data", data)
    with closing(client_of(again.url)) as client:
        found = ids(client)
        assert acknowledged <= found
        for item_id in in_transactions:
            assert {f"{item_id}-a", f"{item_id}-b"} <= found
        halves = {i.removesuffix("-a") for i in found if i.endswith("-a")}
        assert halves == {i.removesuffix("-b") for i in found if i.endswith("-b")}
        assert "never" not in found


def write_until_it_dies(client: Any, process: Any) -> tuple[set[str], set[str]]:
    """Write on four threads, kill the process in the midst, return what was acknowledged."""
    singles: list[str] = []
    pairs: list[str] = []

    def transact(item_id: str) -> None:
        items = [key(f"{item_id}-{half}") for half in "ab"]
        operations = [{"Put": {"TableName": "things", "Item": item}} for item in items]
        client.transact_write_items(TransactItems=operations)

    def write(writer: int) -> None:
        for number in range(100_000):
            item_id = f"{writer}-{number}"
            try:
                if writer == 0:
                    transact(item_id)
                    pairs.append(item_id)
                else:
                    put(client, item_id)
                    singles.append(item_id)
            except (BotoCoreError, ClientError):
                return
            if number == 40 and writer == 1:
                process.kill()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    process.wait()
    return set(singles), set(pairs)


def test_tables_indexes_expiry_and_deletions_survive(
    stand_in: StartStandIn, tmp_path: Path
) -> None:
    data = str(tmp_path / "data.sqlite3")
    first = stand_in("--data", data)
    with closing(client_of(first.url)) as client:
        for name in ("things", "gone"):
            make_table(client, name)
        wanted = {"AttributeName": "expiresAt", "Enabled": True}
        client.update_time_to_live(TableName="things", TimeToLiveSpecification=wanted)
        drop = [{"Delete": {"IndexName": "ByWord"}}]
        add = [
            {
                "Create": {
                    "IndexName": "BySK",
                    "KeySchema": [{"AttributeName": "SK", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            }
        ]
        client.update_table(TableName="things", GlobalSecondaryIndexUpdates=drop)
        client.update_table(
            TableName="things",
            AttributeDefinitions=[{"AttributeName": "SK", "AttributeType": "S"}],
            GlobalSecondaryIndexUpdates=add,
        )
        put(client, "kept", number={"N": "0.1"}, deep={"M": {"ñ": {"L": [{"B": b"\x00\xff"}]}}})
        put(client, "deleted")
        put(client, "expired", expiresAt={"N": str(int(time.time()) - 10)})
        put(client, "later", expiresAt={"N": str(int(time.time()) + 1000)})
        client.delete_item(TableName="things", Key=key("deleted"))
        put(client, "1", "gone")
        client.delete_table(TableName="gone")
        before = client.get_item(TableName="things", Key=key("kept"))["Item"]
    first.process.kill()
    first.process.wait()

    again = stand_in("--data", data)
    assert again.items == 2
    with closing(client_of(again.url)) as client:
        assert client.list_tables()["TableNames"] == ["things"]
        assert ids(client) == {"kept", "later"}
        assert client.get_item(TableName="things", Key=key("kept"))["Item"] == before
        described = client.describe_table(TableName="things")["Table"]
        assert [i["IndexName"] for i in described["GlobalSecondaryIndexes"]] == ["BySK"]
        expiry = client.describe_time_to_live(TableName="things")["TimeToLiveDescription"]
        assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expiresAt"}


def test_some_thousand_items_are_back_within_three_seconds(
    stand_in: StartStandIn, tmp_path: Path
) -> None:
    journal = Journal(tmp_path / "data.sqlite3")
    things = TableName("us-east-1", "things")
    journal.record_request(things, "CreateTable", TABLE | {"TableName": "things"})
    items = [key(str(n)) | {"word": {"S": f"w{n % 50}" * 100}} for n in range(MANY)]
    journal.record_items([Touched(things, key(str(n)), item) for n, item in enumerate(items)])
    journal.close()

    started = time.monotonic()
    running = stand_in("--data", str(tmp_path / "data.sqlite3"))
    took_s = time.monotonic() - started

    assert running.items == MANY
    assert took_s < 3
    with closing(client_of(running.url)) as client:
        assert client.get_item(TableName="things", Key=key("4999"))["Item"] == items[4999]


# --- What can't be kept is refused


def test_a_write_that_cannot_be_journaled_is_refused_and_undone(
    stand_in: StartStandIn, tmp_path: Path
) -> None:
    """The file may not grow beyond a limit, as on a full disk."""
    limited = ["bash", "-c", 'ulimit -f 300; exec "$@"', "limited"]
    running = stand_in("--data", str(tmp_path / "data.sqlite3"), prefix=limited)
    with closing(client_of(running.url)) as client:
        make_table(client)
        put(client, "1", word={"S": "small"})
        error = fill(client)

        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        assert "Nothing was changed: the journal can't be written" in str(error)
        before = ids(client)
        with pytest.raises(ClientError):
            put(client, "1", word={"S": "x" * 300_000})
        with pytest.raises(ClientError):
            put(client, "new", word={"S": "x" * 300_000})
        assert ids(client) == before
        found = client.get_item(TableName="things", Key=key("1"))["Item"]
        assert found["word"] == {"S": "small"}
    running.process.kill()
    running.process.wait()

    again = stand_in("--data", str(tmp_path / "data.sqlite3"))
    with closing(client_of(again.url)) as client:
        assert ids(client) == before


def fill(client: Any) -> ClientError:
    """Write until a write is refused, and return the refusal."""
    for number in range(100):
        try:
            put(client, f"big-{number}", text={"S": "x" * 100_000})
        except ClientError as error:
            return error
    raise AssertionError("the limit was never reached")


@pytest.mark.parametrize(
    "operation", ["ExecuteStatement", "CreateBackup", "TagResource", "Nonsense"]
)
def test_what_is_not_journaled_is_not_done(dynamodb: str, operation: str) -> None:
    status, answer = ask(dynamodb, {"x-amz-target": f"DynamoDB_20120810.{operation}"}, b"{}")

    assert status == 400
    assert answer["__type"].endswith("UnknownOperationException")
    assert operation in answer["message"]


@pytest.mark.parametrize("headers", [{}, {"x-amz-target": "AmazonSQS.SendMessage"}])
def test_only_dynamodb_is_served(dynamodb: str, headers: dict[str, str]) -> None:
    assert ask(dynamodb, headers, b"{}")[0] == 404


def test_a_body_that_is_no_json_is_refused(dynamodb: str) -> None:
    status, answer = ask(dynamodb, {"x-amz-target": "DynamoDB_20120810.PutItem"}, b"{")

    assert status == 400
    assert "Serialization" in answer["__type"]


def test_a_body_beyond_sixteen_megabytes_is_refused(dynamodb: str) -> None:
    headers = {"x-amz-target": "DynamoDB_20120810.PutItem"}

    assert ask(dynamodb, headers, b" " * (16 * 1024 * 1024 + 1))[0] == 413


def ask(url: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
    address = url.removeprefix("http://")
    with closing(http.client.HTTPConnection(address, timeout=10)) as connection:
        connection.request("POST", "/", body, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())


# --- Accounts and regions


def test_an_access_key_of_twelve_digits_is_the_same_account(
    stand_in: StartStandIn, tmp_path: Path
) -> None:
    """MiniStack alone would give it tables of its own."""
    data = str(tmp_path / "data.sqlite3")
    first = stand_in("--data", data)
    with closing(client_of(first.url, access_key="123456789012")) as client:
        make_table(client)
        put(client, "1")
    first.process.kill()
    first.process.wait()

    again = stand_in("--data", data)
    with closing(client_of(again.url)) as client:
        assert ids(client) == {"1"}


def test_a_region_has_its_own_tables(stand_in: StartStandIn, tmp_path: Path) -> None:
    data = str(tmp_path / "data.sqlite3")
    first = stand_in("--data", data)
    for region in ("us-east-1", "sa-east-1"):
        with closing(client_of(first.url, region=region)) as client:
            make_table(client)
            put(client, region)
    first.process.kill()
    first.process.wait()

    again = stand_in("--data", data)
    for region in ("us-east-1", "sa-east-1"):
        with closing(client_of(again.url, region=region)) as client:
            assert ids(client) == {region}


# --- The process


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [str(PYTHON), "-m", "local.dynamodb", *arguments]
    return subprocess.run(
        command, cwd=ROOT, text=True, capture_output=True, timeout=20, check=False, **options
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_and_soon(stand_in: StartStandIn, number: int) -> None:
    running = stand_in("--in-memory")
    with closing(client_of(running.url)) as client:
        client.list_tables()  # leaves a connection open
        started = time.monotonic()
        running.process.send_signal(number)

        assert running.process.wait(5) == 0
        assert time.monotonic() - started < 2


def test_it_ends_with_its_parent(stand_in: StartStandIn) -> None:
    running = stand_in("--in-memory")
    assert running.process.stdin is not None
    running.process.stdin.close()

    assert running.process.wait(5) == 0


def test_it_listens_on_this_machine_only(stand_in: StartStandIn) -> None:
    running = stand_in("--in-memory")
    port = int(running.url.rpartition(":")[2])
    lines = Path("/proc/net/tcp").read_text().splitlines()
    listening = [line.split()[1] for line in lines if line.split()[3] == "0A"]

    assert [a for a in listening if a.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]


def test_small_answers_are_not_held_back(dynamodb: str) -> None:
    """With Nagle's delay on, each would take 40 ms."""
    with closing(client_of(dynamodb)) as client:

        def ask_once(_: int) -> float:
            started = time.monotonic()
            client.list_tables()
            return time.monotonic() - started

        assert statistics.median(map(ask_once, range(30))) < 0.030


def test_a_port_in_use_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run("--port", str(port), "--in-memory")

    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert f"Port {port}" in ended.stderr


def test_a_file_in_use_is_one_sentence(stand_in: StartStandIn, tmp_path: Path) -> None:
    data = str(tmp_path / "data.sqlite3")
    stand_in("--data", data)
    ended = run("--port", "0", "--data", data)

    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "locked" in ended.stderr
