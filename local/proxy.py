"""A reverse proxy for the local DynamoDB that stores every write.

The backend holds everything in memory. The proxy uses only DynamoDB's own wire protocol, so the
backend can be exchanged. After a write that the backend acknowledged, the proxy reads the affected
items back, saves them in the store, and only then returns the response. It serves one request at a
time, so no client reads what is not stored yet. If the store fails, the proxy resets the backend to
the state in the store and returns an error that says why.

Operations are known reads or known writes; any other is refused, since its effect would not be
stored.
"""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from itertools import batched
from typing import Any

from local.item_store import Item, ItemChange, ItemStore, ItemStoreError, TableName

type Message = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type Application = Callable[[Message, Receive, Send], Awaitable[None]]

TARGET = "DynamoDB_20120810."
MAX_BODY_BYTES = 16 * 1024 * 1024
BATCH_SIZE = 25

READS = frozenset({
    "BatchGetItem", "DescribeContinuousBackups", "DescribeEndpoints", "DescribeLimits",
    "DescribeTable", "DescribeTimeToLive", "GetItem", "ListTables", "ListTagsOfResource", "Query",
    "Scan", "TransactGetItems",
})  # fmt: skip
ITEM_WRITES = frozenset(
    {"BatchWriteItem", "DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"}
)
TABLE_WRITES = frozenset({"CreateTable", "DeleteTable", "UpdateTable", "UpdateTimeToLive"})


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response of the backend or the proxy."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the request was acknowledged."""
        return self.status == 200

    def json(self) -> Any:
        """Return the parsed body."""
        return json.loads(self.body)


def error_response(status: int, code: str, message: str) -> Response:
    """Return an error in DynamoDB's form."""
    body = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message})
    return Response(status, [(b"content-type", b"application/x-amz-json-1.0")], body.encode())


class BackendError(Exception):
    """The backend refused a request of the proxy itself, or data from the store."""


class Backend:
    """An ASGI application that serves DynamoDB's protocol from memory."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def forward(self, operation: str, region: str, body: bytes) -> Response:
        """Pass on one request and return the backend's response."""
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._application(_scope(operation, region, len(body)), receive, send)
        start, *rest = sent
        content = b"".join(message.get("body", b"") for message in rest)
        return Response(start["status"], list(start.get("headers", [])), content)

    async def execute(self, operation: str, region: str, **parameters: Any) -> Any:
        """Execute an operation of the proxy itself and return the JSON of its result.

        Raises:
            BackendError: If the backend refuses it.

        """
        response = await self.forward(operation, region, json.dumps(parameters).encode())
        if not response.ok:
            text = response.body.decode(errors="replace")
            raise BackendError(f"{operation}: {response.status} {text}")
        return response.json()


def _scope(operation: str, region: str, length: int) -> Message:
    credential = f"Credential=local/20260101/{region}/dynamodb/aws4_request"
    headers = {
        "host": "localhost",
        "x-amz-target": TARGET + operation,
        "content-type": "application/x-amz-json-1.0",
        "content-length": str(length),
        "authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0",
    }
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 1),
    }


class PersistentProxy:
    """The ASGI application that clients connect to."""

    def __init__(self, backend: Backend, store: ItemStore | None) -> None:
        """Forward requests to `backend`; without a `store`, nothing is stored."""
        self._backend = backend
        self._store = store
        self._lock = asyncio.Lock()
        self._key_names: dict[TableName, list[str]] = {}
        self._fatal_error: str | None = None

    # --- Requests

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        headers = {name.decode("latin-1").lower(): value for name, value in scope["headers"]}
        body = await _read_body(receive)
        response = (
            error_response(413, "ValidationException", f"More than {MAX_BODY_BYTES} bytes.")
            if body is None
            else await self._handle(scope["method"], headers, body)
        )
        status, response_headers = response.status, response.headers
        await send({"type": "http.response.start", "status": status, "headers": response_headers})
        await send({"type": "http.response.body", "body": response.body})

    async def _handle(self, method: str, headers: Mapping[str, bytes], body: bytes) -> Response:
        target = headers.get("x-amz-target", b"").decode("latin-1")
        if method != "POST" or not target.startswith(TARGET):
            return error_response(
                404, "UnknownOperationException", "This is a local DynamoDB; POST to it."
            )
        operation = target.removeprefix(TARGET)
        if operation not in READS | ITEM_WRITES | TABLE_WRITES:
            return error_response(
                400,
                "UnknownOperationException",
                f"The local DynamoDB does not support {operation}.",
            )
        async with self._lock:
            if self._fatal_error is not None:
                return error_response(500, "InternalServerError", self._fatal_error)
            return await self._forward_and_store(operation, _region(headers), body)

    async def _forward_and_store(self, operation: str, region: str, body: bytes) -> Response:
        response = await self._backend.forward(operation, region, body)
        if not response.ok or self._store is None or operation in READS:
            return response
        request = json.loads(body)
        try:
            if operation in TABLE_WRITES:
                self._store_table(self._store, operation, region, request)
            else:
                keys = await self._affected_keys(operation, region, request)
                self._store.save_items([
                    ItemChange(table, key, await self._get_item(table, key)) for table, key in keys
                ])  # fmt: skip
        except ItemStoreError as error:
            return await self._roll_back(self._store, operation, region, request, error)
        return response

    def _store_table(self, store: ItemStore, operation: str, region: str, request: Item) -> None:
        table = _table(region, request["TableName"])
        self._key_names.pop(table, None)
        if operation == "DeleteTable":
            store.delete_table(table)
        else:
            store.save_table_request(table, operation, request)

    async def _affected_keys(
        self, operation: str, region: str, request: Item
    ) -> list[tuple[TableName, Item]]:
        """Return table and key of each item that a write names."""
        return [
            (table, {name: attributes[name] for name in await self._get_key_names(table)})
            for table, attributes in _write_targets(operation, region, request)
        ]

    async def _get_key_names(self, table: TableName) -> list[str]:
        if table not in self._key_names:
            result = await self._backend.execute(
                "DescribeTable", table.region, TableName=table.name
            )
            schema = result["Table"]["KeySchema"]
            self._key_names[table] = [key["AttributeName"] for key in schema]
        return self._key_names[table]

    async def _get_item(self, table: TableName, key: Item) -> Item | None:
        parameters = {"TableName": table.name, "Key": key, "ConsistentRead": True}
        result = await self._backend.execute("GetItem", table.region, **parameters)
        item: Item | None = result.get("Item")
        return item

    # --- Failures of the store

    async def _roll_back(
        self, store: ItemStore, operation: str, region: str, request: Item, error: ItemStoreError
    ) -> Response:
        """Reset the backend to the state in the store and return an error response."""
        try:
            if operation in TABLE_WRITES:
                await self._rebuild_table(store, _table(region, request["TableName"]))
            else:
                for table, key in await self._affected_keys(operation, region, request):
                    await self._reset_item(table, key, store.get_item(table, key))
        except (ItemStoreError, BackendError, OSError) as second:
            self._fatal_error = f"Storing failed ({error}), and so did undoing ({second}). Restart."
            return error_response(500, "InternalServerError", self._fatal_error)
        return error_response(
            500,
            "InternalServerError",
            f"Nothing was changed: the write can't be stored: {error}",
        )

    async def _reset_item(self, table: TableName, key: Item, item: Item | None) -> None:
        if item is None:
            await self._backend.execute("DeleteItem", table.region, TableName=table.name, Key=key)
        else:
            await self._backend.execute("PutItem", table.region, TableName=table.name, Item=item)

    async def _rebuild_table(self, store: ItemStore, table: TableName) -> None:
        body = json.dumps({"TableName": table.name}).encode()
        await self._backend.forward("DeleteTable", table.region, body)  # it may not exist
        await self._restore_table(store, table)

    # --- Start

    async def restore(self) -> int:
        """Fill the backend from the store and return the number of items.

        Raises:
            BackendError: If the backend refuses data from the store.

        """
        if self._store is None:
            return 0
        tables = self._store.list_tables()
        return sum([await self._restore_table(self._store, table) for table in tables])

    async def _restore_table(self, store: ItemStore, table: TableName) -> int:
        requests = store.list_table_requests(table)
        for operation, request in requests:
            await self._backend.execute(operation, table.region, **request)
        # The backend deletes expired items by itself, without a request that the proxy could see.
        if expiry := _expiry_attribute(requests):
            store.delete_expired(table, expiry, now_s=time.time())
        restored = 0
        for batch in batched(store.iterate_items(table), BATCH_SIZE):
            puts = [{"PutRequest": {"Item": item}} for item in batch]
            result = await self._backend.execute(
                "BatchWriteItem", table.region, RequestItems={table.name: puts}
            )
            if result.get("UnprocessedItems"):
                raise BackendError(f"{table.name}: not all items were restored")
            restored += len(batch)
        return restored


def _table(region: str, name_or_arn: str) -> TableName:
    return TableName(region, name_or_arn.rpartition("/")[2])


def _write_targets(operation: str, region: str, request: Item) -> Iterator[tuple[TableName, Item]]:
    """Yield table and attributes, the key among them, of each item that a write names."""
    for name, write in _single_writes(operation, request):
        yield _table(region, name), write.get("Item") or write["Key"]


def _single_writes(operation: str, request: Item) -> Iterator[tuple[str, Item]]:
    match operation:
        case "BatchWriteItem":
            for name, writes in request["RequestItems"].items():
                yield from ((name, body) for write in writes for body in write.values())
        case "TransactWriteItems":
            for write in request["TransactItems"]:
                yield from ((w["TableName"], w) for k, w in write.items() if k != "ConditionCheck")
        case _:
            yield request["TableName"], request


def _expiry_attribute(requests: list[tuple[str, Item]]) -> str | None:
    attribute = None
    for operation, request in requests:
        if operation == "UpdateTimeToLive":
            setting = request["TimeToLiveSpecification"]
            attribute = setting["AttributeName"] if setting["Enabled"] else None
    return attribute


def _region(headers: Mapping[str, bytes]) -> str:
    """Return the region that the request is signed for; us-east-1 without a signature."""
    match = re.search(rb"Credential=[^/]+/\d+/([a-z0-9-]+)/", headers.get("authorization", b""))
    return match[1].decode() if match else "us-east-1"


async def _read_body(receive: Receive) -> bytes | None:
    """Return the request's body, or None if it is over the limit."""
    parts: list[bytes] = []
    length = 0
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        if length > MAX_BODY_BYTES:
            return None
        if not message.get("more_body"):
            return b"".join(parts)
