"""diagnose_tables: what it reports, as text and JSON, and its exit status."""

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import override_settings

from common.dynamodb.bulk import BulkClient
from common.dynamodb.schema import TableSchema
from common.ids import opaque_id
from maintenance.tables import declared_schemas
from tests.fixtures.dynamodb_proxy import DynamoDBProxy, ProxyState, running_proxy
from tests.fixtures.ports import free_port
from tests.maintenance.items import appointment, order, store_items, stored


def diagnose(*arguments: str) -> tuple[int, str]:
    """Return the exit status and what was printed."""
    stdout = StringIO()
    try:
        call_command("diagnose_tables", *arguments, stdout=stdout, stderr=StringIO())
    except CommandError as error:
        return error.returncode, stdout.getvalue() + str(error)
    return 0, stdout.getvalue()


def diagnose_json(*arguments: str) -> tuple[int, dict[str, Any]]:
    status, printed = diagnose("--json", *arguments)
    report, _ = json.JSONDecoder().raw_decode(printed)
    return status, report


@pytest.fixture
def proxy(client: BulkClient, dynamodb: str) -> Iterator[DynamoDBProxy]:
    """A DynamoDB that fails on command; the settings lead to it."""
    with running_proxy(dynamodb) as running, override_settings(DYNAMODB_ENDPOINT_URL=running.url):
        yield running


def test_tables_in_order_have_exit_status_0(client: BulkClient) -> None:
    store_items(client, "orders", order("1"))
    status, printed = diagnose()
    assert status == 0
    assert "Nothing is odd." in printed
    assert printed.count("as the models declare them") == 3
    assert "orders by status        pending 1; total 51.98" in printed


def test_trying_the_permissions_changes_nothing(client: BulkClient) -> None:
    store_items(client, "orders", order("1"))
    status, report = diagnose_json()
    tried = {each["action"]: each["result"] for each in report["tables"]["orders"]["permissions"]}
    assert status == 0
    assert set(tried.values()) == {"allowed"}
    assert {"GetItem", "PutItem", "Query on StatusIndex", "ConditionCheckItem", "Scan"} <= set(
        tried
    )
    assert stored(client, "orders") == {"ORDER#1": order("1")}


def test_oddity_has_exit_status_1_and_its_remedy(client: BulkClient) -> None:
    store_items(client, "appointments", appointment("1"), appointment("2"))
    status, printed = diagnose()
    assert status == 1
    assert "ERROR    appointments: 1 pairs of open appointments" in printed
    assert "appointments 1 and 2" in printed
    assert "Move or cancel one of each pair." in printed


def test_json_report_has_findings_and_statistics(client: BulkClient) -> None:
    store_items(client, "orders", order("1", total={"S": "1"}))
    status, report = diagnose_json()
    assert (status, report["ok"], report["complete"]) == (1, False, True)
    [finding] = report["findings"]
    assert (finding["table"], finding["code"], finding["severity"]) == (
        "orders",
        "unreadable",
        "error",
    )
    assert report["content"]["tables"]["orders"]["items"] == 1
    assert report["latencyMs"] > 0


def test_items_are_not_read_if_not_wanted(client: BulkClient) -> None:
    store_items(client, "orders", order("1", total={"S": "1"}))
    status, report = diagnose_json("--no-items")
    assert status == 0
    assert "findings" not in report


@pytest.mark.parametrize(
    ("operation", "action", "status"),
    [
        ("PutItem", "PutItem", 1),
        ("TransactWriteItems", "ConditionCheckItem", 1),
        ("BatchWriteItem", "BatchWriteItem", 1),
        ("Query", "Query on StatusIndex", 1),
        ("Scan", "Scan", 2),
        ("DescribeTable", "DescribeTable", 2),
    ],
)
def test_denied_action_is_named_with_awss_reason(
    proxy: DynamoDBProxy, operation: str, action: str, status: int
) -> None:
    proxy.state, proxy.operation = ProxyState.DENY, operation
    returned, report = diagnose_json()
    tried = {each["action"]: each for each in report["tables"]["orders"]["permissions"]}
    assert returned == status
    assert tried[action]["result"] == "denied"
    assert f"not authorized to perform: dynamodb:{operation}" in tried[action]["detail"]
    assert tried["GetItem"]["result"] == "allowed"


def test_unreachable_dynamodb_has_exit_status_2(dynamodb: str) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    with override_settings(DYNAMODB_ENDPOINT_URL=endpoint):
        status, report = diagnose_json()
    assert status == 2
    assert "can't be reached" in report["failure"]
    assert endpoint in report["failure"]


def test_connection_lost_half_way_has_exit_status_2(proxy: DynamoDBProxy) -> None:
    proxy.state, proxy.operation, proxy.skip = ProxyState.DISCONNECT, "Scan", 3
    status, report = diagnose_json()
    assert status == 2
    assert report["failure"]


def test_missing_table_has_exit_status_2_and_the_others_are_examined(client: BulkClient) -> None:
    store_items(client, "orders", order("1"))
    with override_settings(CALLS_TABLE="nowhere"):
        status, report = diagnose_json()
    assert status == 2
    assert report["tables"]["calls"]["exists"] is False
    assert report["content"]["tables"]["orders"]["items"] == 1


@pytest.fixture
def altered(client: BulkClient) -> Iterator[str]:
    """A table for calls that lacks indexes, has a wrong one, and doesn't expire anything."""
    declared = declared_schemas()["calls"]
    indexes = dict(declared.indexes)
    del indexes["LiveIndex"], indexes["HadErrorsIndex"]
    indexes["ToolIndex"] = indexes["OutcomeIndex"]
    types = {
        name: kind
        for name, kind in declared.attribute_types.items()
        if name not in {"live", "hadErrors", "tool"}
    }
    name = f"altered-{opaque_id()[:8]}"
    schema = TableSchema(declared.key, indexes, types)
    client.call("create_table", **schema.create_parameters(name))
    yield name
    client.call("delete_table", TableName=name)


def test_differences_from_the_models_are_problems(altered: str) -> None:
    with override_settings(CALLS_TABLE=altered):
        status, report = diagnose_json()
    assert status == 1
    assert sorted(report["tables"]["calls"]["problems"]) == [
        "expiry is off, not by expiresAt",
        "the index HadErrorsIndex (hadErrors, startedAt) is missing",
        "the index LiveIndex (live, startedAt) is missing",
        "the index ToolIndex has the key outcome, startedAt, not tool, startedAt",
    ]
