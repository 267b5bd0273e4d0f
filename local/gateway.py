"""The gateway before the local DynamoDB: it passes requests on and journals what they wrote.

Theory. The engine holds everything in memory. The gateway uses nothing but DynamoDB's own wire
protocol, so the engine can be exchanged: after a write that the engine acknowledged, it reads the
touched items back and hands them to the journal, and only then lets the answer go. One request is
served at a time, so nobody reads what isn't in the journal yet. If the journal fails, the engine is
put back to what the journal says, and the answer is an error that says why.

What isn't journaled is refused: an operation is a known read, a known write, or not kept here.
"""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from itertools import batched
from typing import Any

from local.journal import Item, Journal, JournalError, TableName, Touched

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
class Answer:
    """What goes back to the client."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the request was acknowledged."""
        return self.status == 200

    def json(self) -> Any:
        """Return the body."""
        return json.loads(self.body)


def refusal(status: int, kind: str, message: str) -> Answer:
    """Return an error in DynamoDB's form."""
    body = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{kind}", "message": message})
    return Answer(status, [(b"content-type", b"application/x-amz-json-1.0")], body.encode())


class EngineError(Exception):
    """The engine refused what the journal holds or the gateway asks for itself."""


class Engine:
    """MiniStack, asked in DynamoDB's own protocol, in memory."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def ask(self, operation: str, region: str, body: bytes) -> Answer:
        """Return the engine's answer to one request."""
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._application(_scope(operation, region, len(body)), receive, send)
        start, *rest = sent
        content = b"".join(message.get("body", b"") for message in rest)
        return Answer(start["status"], list(start.get("headers", [])), content)

    async def demand(self, operation: str, region: str, **parameters: Any) -> Any:
        """Return the JSON of an answer that must be an acknowledgement."""
        answer = await self.ask(operation, region, json.dumps(parameters).encode())
        if not answer.ok:
            raise EngineError(
                f"{operation}: {answer.status} {answer.body.decode(errors='replace')}"
            )
        return answer.json()


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


class Gateway:
    """The ASGI application that clients speak to."""

    def __init__(self, engine: Engine, journal: Journal | None) -> None:
        self._engine = engine
        self._journal = journal
        self._one_at_a_time = asyncio.Lock()
        self._key_names: dict[TableName, list[str]] = {}
        self._broken: str | None = None

    # --- Requests

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        headers = {name.decode("latin-1").lower(): value for name, value in scope["headers"]}
        body = await _body(receive)
        answer = (
            refusal(413, "ValidationException", f"More than {MAX_BODY_BYTES} bytes.")
            if body is None
            else await self._answer(scope["method"], headers, body)
        )
        start = {"type": "http.response.start", "status": answer.status, "headers": answer.headers}
        await send(start)
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, method: str, headers: Mapping[str, bytes], body: bytes) -> Answer:
        target = headers.get("x-amz-target", b"").decode("latin-1")
        if method != "POST" or not target.startswith(TARGET):
            return refusal(
                404, "UnknownOperationException", "This is a local DynamoDB; POST to it."
            )
        operation = target.removeprefix(TARGET)
        if operation not in READS | ITEM_WRITES | TABLE_WRITES:
            return refusal(
                400, "UnknownOperationException", f"The local DynamoDB doesn't keep {operation}."
            )
        async with self._one_at_a_time:
            if self._broken is not None:
                return refusal(500, "InternalServerError", self._broken)
            return await self._serve(operation, _region(headers), body)

    async def _serve(self, operation: str, region: str, body: bytes) -> Answer:
        answer = await self._engine.ask(operation, region, body)
        if not answer.ok or self._journal is None or operation in READS:
            return answer
        request = json.loads(body)
        try:
            if operation in TABLE_WRITES:
                self._keep_table(self._journal, operation, region, request)
            else:
                await self._keep_items(self._journal, operation, region, request)
        except JournalError as error:
            return await self._undo(self._journal, operation, region, request, error)
        return answer

    def _keep_table(self, journal: Journal, operation: str, region: str, request: Item) -> None:
        table = _table(region, request["TableName"])
        self._key_names.pop(table, None)
        if operation == "DeleteTable":
            journal.forget(table)
        else:
            journal.record_request(table, operation, request)

    async def _keep_items(
        self, journal: Journal, operation: str, region: str, request: Item
    ) -> None:
        journal.record_items([
            Touched(table, key, await self._item(table, key))
            for table, key in await self._touched(operation, region, request)
        ])  # fmt: skip

    async def _touched(
        self, operation: str, region: str, request: Item
    ) -> list[tuple[TableName, Item]]:
        return [
            (table, {name: attributes[name] for name in await self._keys_of(table)})
            for table, attributes in _targets(operation, region, request)
        ]

    async def _keys_of(self, table: TableName) -> list[str]:
        if table not in self._key_names:
            asked = self._engine.demand("DescribeTable", table.region, TableName=table.name)
            schema = (await asked)["Table"]["KeySchema"]
            self._key_names[table] = [key["AttributeName"] for key in schema]
        return self._key_names[table]

    async def _item(self, table: TableName, key: Item) -> Item | None:
        parameters = {"TableName": table.name, "Key": key, "ConsistentRead": True}
        answer = await self._engine.demand("GetItem", table.region, **parameters)
        item: Item | None = answer.get("Item")
        return item

    # --- When the journal fails

    async def _undo(
        self, journal: Journal, operation: str, region: str, request: Item, error: JournalError
    ) -> Answer:
        """Put the engine back to what the journal says."""
        try:
            if operation in TABLE_WRITES:
                await self._rebuild(journal, _table(region, request["TableName"]))
            else:
                for table, key in await self._touched(operation, region, request):
                    await self._put_back(table, key, journal.item(table, key))
        except (JournalError, EngineError, OSError) as second:
            self._broken = f"The journal failed ({error}), and so did undoing ({second}). Restart."
            return refusal(500, "InternalServerError", self._broken)
        return refusal(
            500,
            "InternalServerError",
            f"Nothing was changed: the journal can't be written: {error}",
        )

    async def _put_back(self, table: TableName, key: Item, item: Item | None) -> None:
        if item is None:
            await self._engine.demand("DeleteItem", table.region, TableName=table.name, Key=key)
        else:
            await self._engine.demand("PutItem", table.region, TableName=table.name, Item=item)

    async def _rebuild(self, journal: Journal, table: TableName) -> None:
        await self._engine.ask(
            "DeleteTable", table.region, json.dumps({"TableName": table.name}).encode()
        )
        await self._restore_table(journal, table)

    # --- Start

    async def restore(self) -> int:
        """Fill the engine from the journal; return how many items there are.

        Raises:
            EngineError: the engine refuses what the journal holds.

        """
        if self._journal is None:
            return 0
        return sum(
            [await self._restore_table(self._journal, table) for table in self._journal.tables()]
        )

    async def _restore_table(self, journal: Journal, table: TableName) -> int:
        for operation, request in journal.requests(table):
            await self._engine.demand(operation, table.region, **request)
        # The engine forgets expired items by itself and doesn't tell us, so it's done here again.
        if expiry := _expiry_attribute(journal.requests(table)):
            journal.drop_expired(table, expiry, now_s=time.time())
        kept = 0
        for batch in batched(journal.items(table), BATCH_SIZE):
            puts = [{"PutRequest": {"Item": item}} for item in batch]
            asked = self._engine.demand(
                "BatchWriteItem", table.region, RequestItems={table.name: puts}
            )
            if (await asked).get("UnprocessedItems"):
                raise EngineError(f"{table.name}: not all items were taken")
            kept += len(batch)
        return kept


def _table(region: str, name_or_arn: str) -> TableName:
    return TableName(region, name_or_arn.rpartition("/")[2])


def _targets(operation: str, region: str, request: Item) -> Iterator[tuple[TableName, Item]]:
    """Yield the table and the attributes, key included, of each item a write names."""
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
            wanted = request["TimeToLiveSpecification"]
            attribute = wanted["AttributeName"] if wanted["Enabled"] else None
    return attribute


def _region(headers: Mapping[str, bytes]) -> str:
    found = re.search(rb"Credential=[^/]+/\d+/([a-z0-9-]+)/", headers.get("authorization", b""))
    return found[1].decode() if found else "us-east-1"


async def _body(receive: Receive) -> bytes | None:
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
