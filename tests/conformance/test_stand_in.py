"""The DynamoDB stand-in as a process: durability, refused requests, start and stop."""

import http.client
import json
import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.item_store import ItemChange, ItemStore, TableName
from tests.fixtures.dynamodb import PYTHON, ROOT, StartStandIn, started_stand_in

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
        {"AttributeName": name, "AttributeType": "S"} for name in ("PK", "SK", "colour")
    ],
    "KeySchema": KEYS,
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "ByColour",
            "KeySchema": [{"AttributeName": "colour", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}


def make_table(client: Any, name: str = "things") -> None:
    client.create_table(TableName=name, **TABLE)


def key(item_id: str) -> dict[str, Any]:
    return {"PK": {"S": item_id}, "SK": {"S": item_id}}


def put_item(client: Any, item_id: str, table: str = "things", **attributes: Any) -> None:
    client.put_item(TableName=table, Item=key(item_id) | attributes)


def ids(client: Any, table: str = "things") -> set[str]:
    pages = client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return {item["PK"]["S"] for page in pages for item in page["Items"]}


# --- Durability


def test_kill_9_during_writes_loses_no_acknowledged_write(
    stand_in: StartStandIn, tmp_path: Path
) -> None:
    data = str(tmp_path / "data.sqlite3")
    first = stand_in("--data", data)
    with closing(client_of(first.url)) as client:
        make_table(client)
        acknowledged, in_transactions = write_until_killed(client, first.process)
    assert len(acknowledged) > 50

    restarted = stand_in("--data", data)
    with closing(client_of(restarted.url)) as client:
        found = ids(client)
        assert acknowledged <= found
        for item_id in in_transactions:
            assert {f"{item_id}-a", f"{item_id}-b"} <= found
        first_halves = {i.removesuffix("-a") for i in found if i.endswith("-a")}
        assert first_halves == {i.removesuffix("-b") for i in found if i.endswith("-b")}
        assert "never" not in found


def write_until_killed(client: Any, process: Any) -> tuple[set[str], set[str]]:
    """Write on four threads and kill the process meanwhile; return the acknowledged ids."""
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
                    put_item(client, item_id)
                    singles.append(item_id)
            except (BotoCoreError, ClientError):
                return
            if number == 40 and writer == 1:
                process.kill()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    process.wait()
    return set(singles), set(pairs)


DEEP = {"M": {"ñ": {"L": [{"B": b"\x00\xff"}, {"N": "0.1"}, {"BOOL": True}]}}}


def make_all_kinds_of_writes(url: str) -> None:
    """Create, change and delete tables and items, with several regions and access keys."""
    with closing(client_of(url)) as client:
        for name in ("things", "gone"):
            make_table(client, name)
        put_item(client, "1", "gone")
        client.delete_table(TableName="gone")
        wanted = {"AttributeName": "expiresAt", "Enabled": True}
        client.update_time_to_live(TableName="things", TimeToLiveSpecification=wanted)
        change_indexes(client)
        put_item(client, "kept", deep=DEEP)
        put_item(client, "deleted")
        client.delete_item(TableName="things", Key=key("deleted"))
        put_item(client, "expired", expiresAt={"N": str(int(time.time()) - 10)})
        put_item(client, "later", expiresAt={"N": str(int(time.time()) + 1000)})
    with closing(client_of(url, access_key="123456789012")) as client:
        put_item(client, "by-twelve-digits")
    with closing(client_of(url, region="sa-east-1")) as client:
        make_table(client)
        put_item(client, "elsewhere")


def change_indexes(client: Any) -> None:
    drop = [{"Delete": {"IndexName": "ByColour"}}]
    client.update_table(TableName="things", GlobalSecondaryIndexUpdates=drop)
    keys = [{"AttributeName": "SK", "KeyType": "HASH"}]
    index = {"IndexName": "BySK", "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}}
    client.update_table(
        TableName="things",
        AttributeDefinitions=[{"AttributeName": "SK", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[{"Create": index}],
    )


@pytest.fixture(scope="module")
def restarted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Yield a client of a stand-in that was killed after all kinds of writes, and started again."""
    data = ["--data", str(tmp_path_factory.mktemp("restarted") / "data.sqlite3")]
    with started_stand_in(data) as first:
        make_all_kinds_of_writes(first.url)
        first.process.kill()
    with (
        started_stand_in(data) as restarted_process,
        closing(client_of(restarted_process.url)) as client,
    ):
        yield client


def test_changed_tables_survive_a_restart(restarted: Any) -> None:
    assert restarted.list_tables()["TableNames"] == ["things"]
    described = restarted.describe_table(TableName="things")["Table"]
    assert [index["IndexName"] for index in described["GlobalSecondaryIndexes"]] == ["BySK"]
    expiry = restarted.describe_time_to_live(TableName="things")["TimeToLiveDescription"]
    assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expiresAt"}


def test_items_survive_a_restart_unless_deleted_or_expired(restarted: Any) -> None:
    assert ids(restarted) == {"kept", "later", "by-twelve-digits"}


def test_values_of_all_types_survive_a_restart(restarted: Any) -> None:
    assert restarted.get_item(TableName="things", Key=key("kept"))["Item"]["deep"] == DEEP


def test_access_key_of_twelve_digits_is_the_same_account(restarted: Any) -> None:
    """MiniStack alone would use other tables for it."""
    assert "by-twelve-digits" in ids(restarted)


def test_region_has_its_own_tables(restarted: Any) -> None:
    with closing(client_of(restarted.meta.endpoint_url, region="sa-east-1")) as client:
        assert ids(client) == {"elsewhere"}


def test_thousands_of_items_are_restored_in_seconds(stand_in: StartStandIn, tmp_path: Path) -> None:
    store = ItemStore(tmp_path / "data.sqlite3")
    things = TableName("us-east-1", "things")
    store.save_table_request(things, "CreateTable", TABLE | {"TableName": "things"})
    items = [key(str(n)) | {"colour": {"S": f"w{n % 50}" * 100}} for n in range(MANY)]
    store.save_items([ItemChange(things, key(str(n)), item) for n, item in enumerate(items)])
    store.close()

    running = stand_in("--data", str(tmp_path / "data.sqlite3"))

    assert running.items == MANY
    assert cpu_s(running.process.pid) < 10
    with closing(client_of(running.url)) as client:
        assert client.get_item(TableName="things", Key=key("4999"))["Item"] == items[4999]


def cpu_s(pid: int) -> float:
    """Return the CPU time of a process in seconds: unlike the clock, it does not depend on the load."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


# --- Full disk and refused requests


def limit_file_size(process: Any, *, up_to_bytes: int = resource.RLIM_INFINITY) -> None:
    """Set the largest size of a file that the process may write; 0 acts like a full disk."""
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (up_to_bytes, resource.RLIM_INFINITY))


def test_full_disk_refuses_writes_and_loses_nothing(stand_in: StartStandIn, tmp_path: Path) -> None:
    data = str(tmp_path / "data.sqlite3")
    running = stand_in("--data", data)
    with closing(client_of(running.url)) as client:
        make_table(client)
        put_item(client, "1", colour={"S": "before"})

        limit_file_size(running.process, up_to_bytes=0)
        for attempt in (
            lambda: put_item(client, "1", colour={"S": "changed"}),
            lambda: put_item(client, "new"),
            lambda: client.delete_item(TableName="things", Key=key("1")),
            lambda: make_table(client, "more"),
            lambda: client.delete_table(TableName="things"),
        ):
            with pytest.raises(ClientError, match="Nothing was changed: the write can't be stored"):
                attempt()
        assert client.list_tables()["TableNames"] == ["things"]
        assert client.query(**query_of("before"))["Items"] == [
            key("1") | {"colour": {"S": "before"}}
        ]
        assert ids(client) == {"1"}

        limit_file_size(running.process)
        put_item(client, "2")
    running.process.kill()
    running.process.wait()

    restarted = stand_in("--data", data)
    with closing(client_of(restarted.url)) as client:
        assert ids(client) == {"1", "2"}


def query_of(colour: str) -> dict[str, Any]:
    return {
        "TableName": "things",
        "IndexName": "ByColour",
        "KeyConditionExpression": "colour = :w",
        "ExpressionAttributeValues": {":w": {"S": colour}},
    }


@pytest.mark.parametrize(
    "operation", ["ExecuteStatement", "CreateBackup", "TagResource", "Nonsense"]
)
def test_unsupported_operation_is_refused(dynamodb: str, operation: str) -> None:
    status, response = send_request(
        dynamodb, {"x-amz-target": f"DynamoDB_20120810.{operation}"}, b"{}"
    )

    assert status == 400
    assert response["__type"].endswith("UnknownOperationException")
    assert operation in response["message"]


@pytest.mark.parametrize("headers", [{}, {"x-amz-target": "AmazonSQS.SendMessage"}])
def test_other_services_are_refused(dynamodb: str, headers: dict[str, str]) -> None:
    assert send_request(dynamodb, headers, b"{}")[0] == 404


def test_body_that_is_no_json_is_refused(dynamodb: str) -> None:
    status, response = send_request(dynamodb, {"x-amz-target": "DynamoDB_20120810.PutItem"}, b"{")

    assert status == 400
    assert "Serialization" in response["__type"]


def test_body_over_sixteen_megabytes_is_refused(dynamodb: str) -> None:
    headers = {"x-amz-target": "DynamoDB_20120810.PutItem"}

    assert send_request(dynamodb, headers, b" " * (16 * 1024 * 1024 + 1))[0] == 413


def send_request(url: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
    address = url.removeprefix("http://")
    with closing(http.client.HTTPConnection(address, timeout=60)) as connection:
        connection.request("POST", "/", body, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())


# --- The process


def run_stand_in(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [str(PYTHON), "-m", "local.dynamodb", *arguments]
    return subprocess.run(
        command, cwd=ROOT, text=True, capture_output=True, timeout=120, check=False, **options
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_the_stand_in_cleanly(stand_in: StartStandIn, number: int) -> None:
    running = stand_in("--in-memory")
    with closing(client_of(running.url)) as client:
        client.list_tables()  # leaves a connection open
        running.process.send_signal(number)

        assert running.process.wait(60) == 0  # it does not wait for the connection to close


def test_stand_in_ends_with_its_parent(stand_in: StartStandIn) -> None:
    running = stand_in("--in-memory")
    assert running.process.stdin is not None
    running.process.stdin.close()

    assert running.process.wait(60) == 0


def test_stand_in_listens_on_localhost_only(stand_in: StartStandIn) -> None:
    running = stand_in("--in-memory")
    port = int(running.url.rpartition(":")[2])
    lines = Path("/proc/net/tcp").read_text().splitlines()
    listening = [line.split()[1] for line in lines if line.split()[3] == "0A"]

    assert [a for a in listening if a.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]


def test_small_responses_are_sent_without_delay(dynamodb: str) -> None:
    """With Nagle's delay on, each would take at least 40 ms; a busy machine delays only some."""
    with closing(client_of(dynamodb)) as client:

        def time_one_request(_: int) -> float:
            started = time.monotonic()
            client.list_tables()
            return time.monotonic() - started

        assert min(map(time_one_request, range(30))) < 0.030


def test_port_in_use_is_reported_in_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run_stand_in("--port", str(port), "--in-memory")

    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert f"Port {port}" in ended.stderr


def test_file_in_use_is_reported_in_one_line(stand_in: StartStandIn, tmp_path: Path) -> None:
    data = str(tmp_path / "data.sqlite3")
    stand_in("--data", data)
    ended = run_stand_in("--port", "0", "--data", data)

    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "locked" in ended.stderr
