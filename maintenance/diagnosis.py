"""Diagnose the tables: connection, permissions, keys and indexes, and what is in them.

Permissions are found out by trying each action so that it changes nothing: reads of an item that doesn't
exist, and writes on a condition that can't be true. DynamoDB checks the permission first, so a failed
condition means that the action is allowed.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from botocore.exceptions import ClientError

from common.dynamodb.bulk import BulkClient, Item, key_attributes
from common.dynamodb.failures import describe_unavailability
from common.dynamodb.schema import TableSchema, schema_differences
from common.errors import UnavailableError
from maintenance.inspection import Inspection

PROBES_FOR_LATENCY = 5


class Permission(StrEnum):
    """The result of trying an action."""

    ALLOWED = "allowed"
    DENIED = "denied"
    UNSUPPORTED = "unsupported"
    """A DynamoDB on this machine doesn't know the operation."""


class Need(StrEnum):
    """Who needs an action."""

    SERVER = "server"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True)
class TriedAction:
    """An action that was tried, and DynamoDB's words if it was denied."""

    action: str
    need: Need
    result: Permission
    detail: str = ""


@dataclass(slots=True)
class TableDiagnosis:
    """What was found out about one table.

    Attributes:
        name: The table's name.
        exists: Whether there is such a table; if not, nothing else is known.
        problems: What its keys, indexes and settings lack.
        advice: Settings that a table on AWS should have.
        actions: The actions that were tried.
        approximate_items: DynamoDB's own count, which is up to six hours old.
        approximate_bytes: The same for the size.

    """

    name: str
    exists: bool = True
    problems: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    actions: list[TriedAction] = field(default_factory=list)
    approximate_items: int | None = None
    approximate_bytes: int | None = None

    @property
    def denied(self) -> list[TriedAction]:
        """The actions that are denied."""
        return [each for each in self.actions if each.result is Permission.DENIED]

    def is_denied(self, action: str) -> bool:
        """Whether this action is denied."""
        return any(each.action == action for each in self.denied)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "name": self.name,
            "exists": self.exists,
            "problems": self.problems,
            "advice": self.advice,
            "permissions": [
                {
                    "action": each.action,
                    "neededBy": each.need.value,
                    "result": each.result.value,
                    **({"detail": each.detail} if each.detail else {}),
                }
                for each in self.actions
            ],
            "approximateItems": self.approximate_items,
            "approximateBytes": self.approximate_bytes,
        }


@dataclass(slots=True)
class Diagnosis:
    """Everything that was found out. `inspection` is None if the items were not read."""

    endpoint: str
    region: str
    latency_ms: float | None = None
    failure: str | None = None
    tables: dict[str, TableDiagnosis] = field(default_factory=dict)
    inspection: Inspection | None = None

    @property
    def is_complete(self) -> bool:
        """Whether everything could be examined."""
        return self.failure is None and all(
            table.exists and not any(table.is_denied(a) for a in ("DescribeTable", "Scan"))
            for table in self.tables.values()
        )

    @property
    def has_problems(self) -> bool:
        """Whether something must be done. Notes and advice don't count."""
        findings = self.inspection.findings if self.inspection else []
        return any(table.problems or table.denied for table in self.tables.values()) or any(
            finding.kind.is_problem for finding in findings
        )

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        result: dict[str, Any] = {
            "ok": self.is_complete and not self.has_problems,
            "complete": self.is_complete,
            "endpoint": self.endpoint,
            "region": self.region,
            "latencyMs": self.latency_ms,
            "failure": self.failure,
            "tables": {label: table.as_dict() for label, table in self.tables.items()},
        }
        if self.inspection is not None:
            result["content"] = self.inspection.statistics()
            result["findings"] = [finding.as_dict() for finding in self.inspection.findings]
        return result


# --- Connection


def measure_latency(client: BulkClient, table: str, item_id: str) -> float:
    """Return the median of the milliseconds that a read of one item takes."""
    durations = []
    for _ in range(PROBES_FOR_LATENCY):
        started = time.perf_counter()
        _allowed(client, "get_item", TableName=table, Key=_probe_key(item_id))
        durations.append((time.perf_counter() - started) * 1000)
    return sorted(durations)[PROBES_FOR_LATENCY // 2]


# --- One table


def diagnose_table(
    client: BulkClient, name: str, declared: TableSchema, *, item_id: str, on_aws: bool
) -> TableDiagnosis:
    """Return what is to be known of a table without reading its items.

    Args:
        client: The client.
        name: The table's name.
        declared: The keys and indexes that the models declare.
        item_id: An id that no item has, for reads and writes without effect.
        on_aws: Whether to expect what only DynamoDB on AWS has.

    Raises:
        UnavailableError: DynamoDB failed for another reason than a missing table or permission.

    """
    diagnosis = TableDiagnosis(name)
    try:
        description = client.describe_table(name)
    except UnavailableError as error:
        if error.data["reason"] != "access_denied":
            raise
        description = {}
    if description is None:
        diagnosis.exists = False
        diagnosis.problems.append("there is no such table: run `python manage.py create_tables`")
        return diagnosis
    if description:
        _diagnose_settings(client, diagnosis, description, declared, on_aws=on_aws)
    for action, need, probe in _probes(name, item_id, declared):
        diagnosis.actions.append(_try_action(client, action, need, probe))
    return diagnosis


def _diagnose_settings(
    client: BulkClient,
    diagnosis: TableDiagnosis,
    description: Item,
    declared: TableSchema,
    *,
    on_aws: bool,
) -> None:
    diagnosis.approximate_items = description.get("ItemCount")
    diagnosis.approximate_bytes = description.get("TableSizeBytes")
    time_to_live = _allowed(client, "describe_time_to_live", TableName=diagnosis.name)
    if time_to_live is None:
        actual = TableSchema.from_description(
            description, {"TimeToLiveStatus": "ENABLED", "AttributeName": declared.expiry}
        )
    else:
        actual = TableSchema.from_description(description, time_to_live["TimeToLiveDescription"])
    diagnosis.problems += schema_differences(declared, actual)
    for part in (description, *description.get("GlobalSecondaryIndexes", [])):
        state = part.get("TableStatus") or part.get("IndexStatus")
        if state not in {"ACTIVE", None}:
            diagnosis.problems.append(f"{part.get('IndexName', 'the table')} is {state}")
    if on_aws:
        diagnosis.advice += _advice(client, diagnosis.name, description)


def _advice(client: BulkClient, name: str, description: Item) -> list[str]:
    advice = []
    if description.get("BillingModeSummary", {}).get("BillingMode") != "PAY_PER_REQUEST":
        advice.append(
            "billing is provisioned; calls come in bursts, which on-demand billing serves"
        )
    if not description.get("DeletionProtectionEnabled"):
        advice.append("deletion protection is off")
    backups = _allowed(client, "describe_continuous_backups", TableName=name)
    recovery = (backups or {}).get("ContinuousBackupsDescription", {})
    state = recovery.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
    if backups is not None and state != "ENABLED":
        advice.append("point-in-time recovery is off")
    return advice


# --- Permissions

type Probe = tuple[str, Mapping[str, Any]]
"""An operation in snake_case and its parameters."""


def _probe_key(item_id: str) -> Item:
    key = f"DIAGNOSIS#{item_id}"
    return key_attributes((key, key))


def _probes(table: str, item_id: str, declared: TableSchema) -> list[tuple[str, Need, Probe]]:
    """Return the actions to try, each with a request that has no effect."""
    key = _probe_key(item_id)
    named = {"TableName": table}
    impossible = {"ConditionExpression": "attribute_exists(PK)"}
    equals = {":pk": key["PK"]}
    query = {**named, "Limit": 1, "ExpressionAttributeValues": equals}
    condition_check = {"ConditionCheck": {**named, "Key": key, **impossible}}
    set_value = {"UpdateExpression": "SET diagnosis = :pk", "ExpressionAttributeValues": equals}
    server: list[tuple[str, Probe]] = [
        ("GetItem", ("get_item", {**named, "Key": key})),
        ("BatchGetItem", ("batch_get_item", {"RequestItems": {table: {"Keys": [key]}}})),
        ("Query", ("query", {**query, "KeyConditionExpression": "PK = :pk"})),
        *(
            (f"Query on {index}", ("query", {**query, **_partition_of(index, schema.hash)}))
            for index, schema in declared.indexes.items()
        ),
        ("PutItem", ("put_item", {**named, "Item": key, **impossible})),
        ("UpdateItem", ("update_item", {**named, "Key": key, **set_value, **impossible})),
        ("DeleteItem", ("delete_item", {**named, "Key": key, **impossible})),
        ("ConditionCheckItem", ("transact_write_items", {"TransactItems": [condition_check]})),
        (
            "BatchWriteItem",  # it knows no conditions; deleting what doesn't exist has no effect
            ("batch_write_item", {"RequestItems": {table: [{"DeleteRequest": {"Key": key}}]}}),
        ),
    ]
    maintenance: list[tuple[str, Probe]] = [
        ("DescribeTable", ("describe_table", named)),
        ("DescribeTimeToLive", ("describe_time_to_live", named)),
        ("Scan", ("scan", {**named, "Limit": 1})),
    ]
    return [
        *((action, Need.SERVER, probe) for action, probe in server),
        *((action, Need.MAINTENANCE, probe) for action, probe in maintenance),
    ]


def _partition_of(index: str, hash_key: str) -> Item:
    return {
        "IndexName": index,
        "KeyConditionExpression": "#hash = :pk",
        "ExpressionAttributeNames": {"#hash": hash_key},
    }


def _try_action(client: BulkClient, action: str, need: Need, probe: Probe) -> TriedAction:
    operation, parameters = probe
    try:
        client.call(operation, **parameters)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "UnknownOperationException":
            return TriedAction(action, need, Permission.UNSUPPORTED)
        if (
            code == "ValidationException"
        ):  # the index is missing, which the schema's comparison says
            return TriedAction(action, need, Permission.UNSUPPORTED, str(error))
        if code not in _CONDITION_FAILED:
            raise
    except UnavailableError as error:
        if error.data["reason"] != "access_denied":
            raise
        return TriedAction(action, need, Permission.DENIED, describe_unavailability(error))
    return TriedAction(action, need, Permission.ALLOWED)


_CONDITION_FAILED = {"ConditionalCheckFailedException", "TransactionCanceledException"}


def _allowed(client: BulkClient, operation: str, **parameters: Any) -> Item | None:
    """Return an operation's response, or None if it is denied or unknown."""
    try:
        return client.call(operation, **parameters)
    except UnavailableError as error:
        if error.data["reason"] == "access_denied":
            return None
        raise
    except ClientError as error:
        if error.response["Error"]["Code"] == "UnknownOperationException":
            return None
        raise


# --- All tables


def diagnose(
    client: BulkClient,
    tables: Mapping[str, str],
    schemas: Mapping[str, TableSchema],
    *,
    region: str,
    item_id: str,
    on_aws: bool,
) -> Diagnosis:
    """Return what is to be known of the tables without reading their items."""
    diagnosis = Diagnosis(endpoint=client.endpoint, region=region)
    try:
        for label, name in tables.items():
            table = diagnose_table(client, name, schemas[label], item_id=item_id, on_aws=on_aws)
            diagnosis.tables[label] = table
            if table.exists and diagnosis.latency_ms is None:
                diagnosis.latency_ms = round(measure_latency(client, name, item_id), 1)
    except UnavailableError as error:
        diagnosis.failure = describe_unavailability(error)
    return diagnosis


def read_items(
    client: BulkClient,
    diagnosis: Diagnosis,
    inspection: Inspection,
    *,
    on_item: Callable[[int], None],
) -> None:
    """Inspect all items of the tables that exist and may be read."""
    try:
        for label, table in diagnosis.tables.items():
            if not table.exists or table.is_denied("Scan"):
                continue
            for page in client.scan_pages(table.name):
                for item in page:
                    inspection.add(label, item)
                on_item(len(page))
    except UnavailableError as error:
        diagnosis.failure = describe_unavailability(error)
    inspection.finish()
    diagnosis.inspection = inspection
