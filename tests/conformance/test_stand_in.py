"""The stand-in as a process: it keeps what it acknowledged, and refuses what it can't keep."""

import http.client
import json
import os
import resource
import signal
import socket
import statistics
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


def test_kill_9_during_writes_loses_no_acknowledged_write(
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


DEEP = {"M": {"ñ": {"L": [{"B": b"\x00\xff"}, {"N": "0.1"}, {"BOOL": True}]}}}


def write_all_kinds(url: str) -> None:
    """Make, change and delete tables and items, with several regions and access keys."""
    with closing(client_of(url)) as client:
        for name in ("things", "gone"):
            make_table(client, name)
        put(client, "1", "gone")
        client.delete_table(TableName="gone")
        wanted = {"AttributeName": "expiresAt", "Enabled": True}
        client.update_time_to_live(TableName="things", TimeToLiveSpecification=wanted)
        change_indexes(client)
        put(client, "kept", deep=DEEP)
        put(client, "deleted")
        client.delete_item(TableName="things", Key=key("deleted"))
        put(client, "expired", expiresAt={"N": str(int(time.time()) - 10)})
        put(client, "later", expiresAt={"N": str(int(time.time()) + 1000)})
    with closing(client_of(url, access_key="123456789012")) as client:
        put(client, "by-twelve-digits")
    with closing(client_of(url, region="sa-east-1")) as client:
        make_table(client)
        put(client, "elsewhere")


def change_indexes(client: Any) -> None:
    drop = [{"Delete": {"IndexName": "ByWord"}}]
    client.update_table(TableName="things", GlobalSecondaryIndexUpdates=drop)
    keys = [{"AttributeName": "SK", "KeyType": "HASH"}]
    index = {"IndexName": "BySK", "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}}
    client.update_table(
        TableName="things",
        AttributeDefinitions=[{"AttributeName": "SK", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[{"Create": index}],
    )


@pytest.fixture(scope="module")
def survivor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Yield a client of a stand-in that was killed after all kinds of writes, and started again."""
    data = ["--data", str(tmp_path_factory.mktemp("survivor") / "data.sqlite3")]
    with started_stand_in(data) as first:
        write_all_kinds(first.url)
        first.process.kill()
    with started_stand_in(data) as again, closing(client_of(again.url)) as client:
        yield client


def test_changed_tables_survive_a_restart(survivor: Any) -> None:
    assert survivor.list_tables()["TableNames"] == ["things"]
    described = survivor.describe_table(TableName="things")["Table"]
    assert [index["IndexName"] for index in described["GlobalSecondaryIndexes"]] == ["BySK"]
    expiry = survivor.describe_time_to_live(TableName="things")["TimeToLiveDescription"]
    assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expiresAt"}


def test_items_survive_a_restart_unless_deleted_or_expired(survivor: Any) -> None:
    assert ids(survivor) == {"kept", "later", "by-twelve-digits"}


def test_values_of_all_types_survive_a_restart(survivor: Any) -> None:
    assert survivor.get_item(TableName="things", Key=key("kept"))["Item"]["deep"] == DEEP


def test_access_key_of_twelve_digits_is_the_same_account(survivor: Any) -> None:
    """MiniStack alone would give it tables of its own."""
    assert "by-twelve-digits" in ids(survivor)


def test_region_has_its_own_tables(survivor: Any) -> None:
    with closing(client_of(survivor.meta.endpoint_url, region="sa-east-1")) as client:
        assert ids(client) == {"elsewhere"}


def test_thousands_of_items_are_restored_in_three_seconds(
    stand_in: StartStandIn, tmp_path: Path
) -> None:
    store = ItemStore(tmp_path / "data.sqlite3")
    things = TableName("us-east-1", "things")
    store.save_table_request(things, "CreateTable", TABLE | {"TableName": "things"})
    items = [key(str(n)) | {"word": {"S": f"w{n % 50}" * 100}} for n in range(MANY)]
    store.save_items([ItemChange(things, key(str(n)), item) for n, item in enumerate(items)])
    store.close()

    running = stand_in("--data", str(tmp_path / "data.sqlite3"))

    assert running.items == MANY
    assert cpu_s(running.process.pid) < 3
    with closing(client_of(running.url)) as client:
        assert client.get_item(TableName="things", Key=key("4999"))["Item"] == items[4999]


def cpu_s(pid: int) -> float:
    """Return the processor time a process has used: unlike the clock, it doesn't feel others' load."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


# --- What can't be kept is refused


def let_files_grow(process: Any, *, up_to_bytes: int = resource.RLIM_INFINITY) -> None:
    """Set how large a file of that process may be; 0 is as a full disk."""
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (up_to_bytes, resource.RLIM_INFINITY))


def test_full_disk_refuses_writes_and_loses_nothing(stand_in: StartStandIn, tmp_path: Path) -> None:
    data = str(tmp_path / "data.sqlite3")
    running = stand_in("--data", data)
    with closing(client_of(running.url)) as client:
        make_table(client)
        put(client, "1", word={"S": "before"})

        let_files_grow(running.process, up_to_bytes=0)
        for attempt in (
            lambda: put(client, "1", word={"S": "changed"}),
            lambda: put(client, "new"),
            lambda: client.delete_item(TableName="things", Key=key("1")),
            lambda: make_table(client, "more"),
            lambda: client.delete_table(TableName="things"),
        ):
            with pytest.raises(ClientError, match="Nothing was changed: the write can't be stored"):
                attempt()
        assert client.list_tables()["TableNames"] == ["things"]
        assert client.query(**words("before"))["Items"] == [key("1") | {"word": {"S": "before"}}]
        assert ids(client) == {"1"}

        let_files_grow(running.process)
        put(client, "2")
    running.process.kill()
    running.process.wait()

    again = stand_in("--data", data)
    with closing(client_of(again.url)) as client:
        assert ids(client) == {"1", "2"}


def words(word: str) -> dict[str, Any]:
    return {
        "TableName": "things",
        "IndexName": "ByWord",
        "KeyConditionExpression": "word = :w",
        "ExpressionAttributeValues": {":w": {"S": word}},
    }


@pytest.mark.parametrize(
    "operation", ["ExecuteStatement", "CreateBackup", "TagResource", "Nonsense"]
)
def test_unsupported_operation_is_refused(dynamodb: str, operation: str) -> None:
    status, answer = ask(dynamodb, {"x-amz-target": f"DynamoDB_20120810.{operation}"}, b"{}")

    assert status == 400
    assert answer["__type"].endswith("UnknownOperationException")
    assert operation in answer["message"]


@pytest.mark.parametrize("headers", [{}, {"x-amz-target": "AmazonSQS.SendMessage"}])
def test_other_services_are_refused(dynamodb: str, headers: dict[str, str]) -> None:
    assert ask(dynamodb, headers, b"{}")[0] == 404


def test_body_that_is_no_json_is_refused(dynamodb: str) -> None:
    status, answer = ask(dynamodb, {"x-amz-target": "DynamoDB_20120810.PutItem"}, b"{")

    assert status == 400
    assert "Serialization" in answer["__type"]


def test_body_over_sixteen_megabytes_is_refused(dynamodb: str) -> None:
    headers = {"x-amz-target": "DynamoDB_20120810.PutItem"}

    assert ask(dynamodb, headers, b" " * (16 * 1024 * 1024 + 1))[0] == 413


def ask(url: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
    address = url.removeprefix("http://")
    with closing(http.client.HTTPConnection(address, timeout=10)) as connection:
        connection.request("POST", "/", body, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())


# --- The process


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [str(PYTHON), "-m", "local.dynamodb", *arguments]
    return subprocess.run(
        command, cwd=ROOT, text=True, capture_output=True, timeout=20, check=False, **options
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_the_stand_in_cleanly_and_soon(stand_in: StartStandIn, number: int) -> None:
    running = stand_in("--in-memory")
    with closing(client_of(running.url)) as client:
        client.list_tables()  # leaves a connection open
        started = time.monotonic()
        running.process.send_signal(number)

        assert running.process.wait(5) == 0
        assert time.monotonic() - started < 2


def test_stand_in_ends_with_its_parent(stand_in: StartStandIn) -> None:
    running = stand_in("--in-memory")
    assert running.process.stdin is not None
    running.process.stdin.close()

    assert running.process.wait(5) == 0


def test_stand_in_listens_on_localhost_only(stand_in: StartStandIn) -> None:
    running = stand_in("--in-memory")
    port = int(running.url.rpartition(":")[2])
    lines = Path("/proc/net/tcp").read_text().splitlines()
    listening = [line.split()[1] for line in lines if line.split()[3] == "0A"]

    assert [a for a in listening if a.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]


def test_small_responses_are_sent_without_delay(dynamodb: str) -> None:
    """With Nagle's delay on, each would take 40 ms."""
    with closing(client_of(dynamodb)) as client:

        def ask_once(_: int) -> float:
            started = time.monotonic()
            client.list_tables()
            return time.monotonic() - started

        assert statistics.median(map(ask_once, range(30))) < 0.030


def test_port_in_use_is_reported_in_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run("--port", str(port), "--in-memory")

    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert f"Port {port}" in ended.stderr


def test_file_in_use_is_reported_in_one_line(stand_in: StartStandIn, tmp_path: Path) -> None:
    data = str(tmp_path / "data.sqlite3")
    stand_in("--data", data)
    ended = run("--port", "0", "--data", data)

    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "locked" in ended.stderr
