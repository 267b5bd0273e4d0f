"""backup_tables and restore_tables: the round trip is exact, and damage is found before anything is written."""

import gzip
import hashlib
import json
import re
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from django.core.management.base import CommandError
from django.test import override_settings

from common import clock
from common.dynamodb.bulk import BulkClient, Item
from common.dynamodb.items import to_json
from common.dynamodb.transactions import Transaction
from common.timestamps import truncate_to_ms
from maintenance.backups import create_on_demand_backups
from notifications.domain import UNFINISHED, MessageStatus
from notifications.repository import add_message, list_due, list_messages
from notifications.services import new_message
from tests.fixtures.aws import LocalAWS
from tests.maintenance.conftest import RunCommand
from tests.maintenance.items import appointment, doctor_day, keyed, order, store_items, stored
from tests.webhooks.factories import DELIVERY
from webhooks.domain import DeliveryStatus, Stage
from webhooks.repository import add_to, find_delivery

LABELS = ("orders", "appointments", "calls")
UNUSUAL: Item = {
    **keyed("TICKET", 'ünïcode\n"quoted"'),
    "binary": {"B": b"\x00\xff"},
    "binaries": {"BS": [b"a", b"\xfe"]},
    "texts": {"SS": ["b", "a"]},
    "numbers": {"NS": ["1", "-2.5"]},
    "nothing": {"NULL": True},
    "empty": {"S": ""},
    "nested": {"M": {"list": {"L": [{"BOOL": False}, {"N": "1e-7"}]}}},
    "expiresAt": {"N": "4102444800"},
}


def fill(client: BulkClient) -> None:
    store_items(client, "orders", *(order(str(number)) for number in range(1, 61)))
    store_items(client, "appointments", appointment("1"), doctor_day("rodriguez", "2099-06-01"))
    store_items(client, "calls", UNUSUAL)


def empty(client: BulkClient) -> None:
    for label in LABELS:
        table = f"nova-sonic-{label}"
        keys = [(item["PK"]["S"], item["SK"]["S"]) for item in client.scan(table)]
        sum(client.delete_many(table, keys))


def content(client: BulkClient) -> dict[str, list[str]]:
    """Return all items as texts: DynamoDB gives sets no order."""
    return {label: sorted(map(to_json, stored(client, label).values())) for label in LABELS}


def back_up(run: RunCommand, location: str) -> str:
    """Back up all tables and return the place."""
    place: str = json.loads(run("backup_tables", location, "--json"))["location"]
    return place


def test_backup_and_restore_give_the_same_items(
    client: BulkClient, run: RunCommand, tmp_path: Path
) -> None:
    fill(client)
    before = content(client)
    place = back_up(run, str(tmp_path))
    empty(client)
    printed = run("restore_tables", place)
    assert content(client) == before
    assert "60 items restored and verified" in printed


def test_backup_is_in_the_format_of_dynamodbs_import(
    client: BulkClient, run: RunCommand, tmp_path: Path
) -> None:
    store_items(client, "orders", order("7"))
    place = Path(back_up(run, str(tmp_path)))
    [line] = gzip.decompress((place / "orders.jsonl.gz").read_bytes()).decode().splitlines()
    assert json.loads(line) == {"Item": order("7")}


def test_backup_is_readable_by_its_owner_only(
    client: BulkClient, run: RunCommand, tmp_path: Path
) -> None:
    place = Path(back_up(run, str(tmp_path / "new" / "folder")))
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in place.iterdir()} == {0o600}


def test_two_backups_in_one_second_are_two_places(
    client: BulkClient, run: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    assert back_up(run, str(tmp_path)) != back_up(run, str(tmp_path))


def test_chosen_tables_alone_are_backed_up_and_restored(
    client: BulkClient, run: RunCommand, tmp_path: Path
) -> None:
    fill(client)
    manifest = json.loads(run("backup_tables", str(tmp_path), "--table", "orders", "--json"))
    assert list(manifest["tables"]) == ["orders"]
    empty(client)
    run("restore_tables", manifest["location"], "--table", "orders")
    assert len(stored(client, "orders")) == 60
    with pytest.raises(CommandError, match="The backup has no calls"):
        run("restore_tables", manifest["location"], "--table", "calls")


def test_restore_into_filled_tables_needs_replace(
    client: BulkClient, run: RunCommand, tmp_path: Path
) -> None:
    store_items(client, "orders", order("1"))
    place = back_up(run, str(tmp_path))
    store_items(client, "orders", order("1", status={"S": "shipped"}), order("2"))
    with pytest.raises(CommandError, match="nova-sonic-orders: not empty"):
        run("restore_tables", place)
    assert len(stored(client, "orders")) == 2
    assert "1 others deleted" in run("restore_tables", place, "--replace")
    assert stored(client, "orders") == {"ORDER#1": order("1")}


def test_expired_items_do_not_come_back(
    client: BulkClient, run: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expiry = int(clock.now().timestamp()) + 3600
    store_items(client, "calls", {**keyed("TICKET", "1"), "expiresAt": {"N": str(expiry)}}, UNUSUAL)
    place = back_up(run, str(tmp_path))
    empty(client)
    later = clock.now().fromtimestamp(expiry, tz=clock.now().tzinfo)
    monkeypatch.setattr(clock, "now", lambda: later)
    [line] = [each for each in run("restore_tables", place).splitlines() if "-calls:" in each]
    # A site of other tests may have stored leases meanwhile, which expire as well.
    assert re.search(r"\b1 items restored and verified, [1-9]\d* left out", line)
    assert list(stored(client, "calls")) == [UNUSUAL["PK"]["S"]]


def test_restored_unfinished_emails_are_uncertain(
    client: BulkClient, run: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = truncate_to_ms(clock.now())
    messages = [
        replace(
            new_message(
                record_type="appointment",
                record_id=status.value,
                event="booked",
                version="1",
                recipient="ana@email.com",
                due_at=now + timedelta(hours=2),
                now=now,
            ),
            status=status,
        )
        for status in MessageStatus
    ]
    assert all(map(add_message, messages))
    place = back_up(run, str(tmp_path))
    empty(client)
    later = now + timedelta(hours=1)
    monkeypatch.setattr(clock, "now", lambda: later)

    printed = run("restore_tables", place)

    assert "3 unfinished e-mails are uncertain" in printed
    expected = {
        each.id: each.uncertain("restored from a backup", now=later)
        if each.status in UNFINISHED
        else each
        for each in messages
    }
    restored = list_messages(tuple(MessageStatus), limit=20).items
    assert {each.id: each for each in restored} == expected
    assert list_due(now=later + timedelta(days=1), limit=20) == []


def test_restored_unfinished_deliveries_of_webhooks_have_failed(
    client: BulkClient, run: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = truncate_to_ms(clock.now())
    deliveries = [
        replace(DELIVERY, record_id=status.value, status=status, due_at=now, updated_at=now)
        for status in DeliveryStatus
    ]
    for delivery in deliveries:
        transaction = Transaction()
        add_to(transaction, delivery)
        transaction.commit()
    unreadable = {**keyed("WEBHOOK", "order-1"), "status": {"S": "webhook-e1-open"}}
    store_items(client, "appointments", unreadable)
    place = back_up(run, str(tmp_path))
    empty(client)
    later = now + timedelta(hours=1)
    monkeypatch.setattr(clock, "now", lambda: later)

    run("restore_tables", place)

    expected = [
        each.given_up("restored from a backup", now=later) if each.stage is Stage.OPEN else each
        for each in deliveries
    ]
    assert [find_delivery(each.id) for each in deliveries] == expected
    assert stored(client, "appointments")["WEBHOOK#order-1"] == unreadable


def test_restore_without_unfinished_emails_reports_none(
    client: BulkClient, run: RunCommand, tmp_path: Path
) -> None:
    unreadable = {**keyed("MESSAGE", "appointment-1"), "status": {"S": "message-waiting"}}
    store_items(client, "appointments", appointment("1"), unreadable)
    place = back_up(run, str(tmp_path))
    empty(client)

    assert "uncertain" not in run("restore_tables", place)
    assert stored(client, "appointments")["MESSAGE#appointment-1"] == unreadable


def truncate(place: Path) -> None:
    file = place / "orders.jsonl.gz"
    file.write_bytes(file.read_bytes()[:-20])


def rewrite_an_item(place: Path) -> None:
    """Change an item and the file's checksum, but not the digest of the content."""
    file, manifest = place / "orders.jsonl.gz", place / "manifest.json"
    text = gzip.decompress(file.read_bytes()).replace(b"pending", b"shipped", 1)
    file.write_bytes(gzip.compress(text))
    known: dict[str, Any] = json.loads(manifest.read_text())
    known["tables"]["orders"]["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(known))


def remove_the_manifest(place: Path) -> None:
    (place / "manifest.json").unlink()


def remove_a_file(place: Path) -> None:
    (place / "orders.jsonl.gz").unlink()


def break_the_manifest(place: Path) -> None:
    (place / "manifest.json").write_text('{"format": 1}')


def use_a_later_format(place: Path) -> None:
    (place / "manifest.json").write_text('{"format": 2}')


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (truncate, "orders.jsonl.gz is damaged: its checksum is another one"),
        (rewrite_an_item, "doesn't contain the 2 items of the manifest"),
        (remove_the_manifest, "no complete backup: manifest.json is missing"),
        (remove_a_file, "No such file"),
        (break_the_manifest, "manifest.json is damaged"),
        (use_a_later_format, "has the format 2, not 1"),
    ],
)
def test_damaged_backup_is_refused_and_nothing_is_written(
    client: BulkClient,
    run: RunCommand,
    tmp_path: Path,
    damage: Callable[[Path], None],
    reason: str,
) -> None:
    store_items(client, "orders", order("1"), order("2"))
    place = back_up(run, str(tmp_path))
    store_items(client, "orders", order("3"))
    damage(Path(place))
    with pytest.raises(CommandError, match=reason):
        run("restore_tables", place, "--replace")
    assert len(stored(client, "orders")) == 3


def test_check_verifies_and_writes_nothing(
    client: BulkClient, run: RunCommand, tmp_path: Path
) -> None:
    store_items(client, "orders", order("1"))
    place = back_up(run, str(tmp_path))
    empty(client)
    assert "1 items: in order" in run("restore_tables", place, "--check")
    assert stored(client, "orders") == {}


def test_folder_of_backups_is_refused_with_their_names(
    client: BulkClient, run: RunCommand, tmp_path: Path
) -> None:
    place = Path(back_up(run, str(tmp_path)))
    with pytest.raises(CommandError, match=f"It has the backups {place.name}: name one of them"):
        run("restore_tables", str(tmp_path))


def test_restore_on_aws_needs_allow_production(run: RunCommand, tmp_path: Path) -> None:
    with (
        override_settings(DYNAMODB_ENDPOINT_URL=None),
        pytest.raises(CommandError, match=r"on AWS, in us-east-1.*add --allow-production"),
    ):
        run("restore_tables", str(tmp_path))


def test_missing_table_ends_the_backup_with_its_name(
    client: BulkClient, run: RunCommand, tmp_path: Path
) -> None:
    with (
        override_settings(ORDERS_TABLE="nowhere"),
        pytest.raises(CommandError, match=r"These tables don't exist at .*: nowhere"),
    ):
        run("backup_tables", str(tmp_path))


def test_unwritable_folder_ends_the_backup_with_one_line(
    client: BulkClient, run: RunCommand, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="can't be written: Not a directory"):
        run("backup_tables", str(tmp_path / "file"))


def test_backup_in_s3_survives_the_round_trip(client: BulkClient, run: RunCommand, s3: str) -> None:
    bucket = boto3.client("s3", region_name="us-east-1")
    bucket.create_bucket(Bucket="our-backups")
    fill(client)
    before = content(client)
    place = back_up(run, "s3://our-backups/nova/nightly")
    assert place.startswith("s3://our-backups/nova/nightly/2")
    with pytest.raises(CommandError, match=f"It has the backups {place.rpartition('/')[2]}"):
        run("restore_tables", "s3://our-backups/nova/nightly")
    empty(client)
    run("restore_tables", place)
    assert content(client) == before


def test_kms_key_encrypts_each_file_in_s3(client: BulkClient, run: RunCommand, s3: str) -> None:
    bucket = boto3.client("s3", region_name="us-east-1")
    bucket.create_bucket(Bucket="our-keys")
    key = "arn:aws:kms:us-east-1:123456789012:key/1"
    run("backup_tables", "s3://our-keys", "--kms-key", key)
    files = bucket.list_objects_v2(Bucket="our-keys")["Contents"]
    assert len(files) == 4
    for file in files:
        head = bucket.head_object(Bucket="our-keys", Key=file["Key"])
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)


def test_dynamodbs_own_backups_are_made_of_each_table(local_aws: LocalAWS) -> None:
    dynamodb = local_aws.client("dynamodb")
    tables = {label: f"{local_aws.prefix}-{label}" for label in LABELS}
    for table in tables.values():
        dynamodb.create_table(
            TableName=table,
            KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "PK", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    with override_settings(DYNAMODB_ENDPOINT_URL=local_aws.environ["AWS_ENDPOINT_URL"]):
        aws_client = BulkClient()
    now = datetime(2026, 12, 24, 18, 30, tzinfo=UTC)

    arns = create_on_demand_backups(aws_client, tables, now=now)

    aws_client.close()
    made = [dynamodb.describe_backup(BackupArn=arn)["BackupDescription"] for arn in arns]
    assert {each["SourceTableDetails"]["TableName"] for each in made} == set(tables.values())
    assert {each["BackupDetails"]["BackupName"] for each in made} == {
        f"{table}-20261224T183000Z" for table in tables.values()
    }


@pytest.mark.parametrize(
    ("location", "reason"),
    [("ftp://host/x", "neither a folder nor s3://"), ("s3:///x", "neither a folder nor s3://")],
)
def test_other_location_is_refused(
    client: BulkClient, run: RunCommand, location: str, reason: str
) -> None:
    with pytest.raises(CommandError, match=reason):
        run("backup_tables", location)
