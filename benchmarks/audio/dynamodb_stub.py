"""A DynamoDB that takes everything and has nothing, at once but for one order: storage is not what is measured.

python -m benchmarks.audio.dynamodb_stub PORT
"""

import asyncio
import json
import sys
from binascii import crc32

SLOW_ORDER = 9_876_543
"""To read this order takes `SLOW_S`."""
SLOW_S = 3.0

_TABLE = {"TableStatus": "ACTIVE", "KeySchema": [], "AttributeDefinitions": []}


def answer(operation: str, request: dict[str, object]) -> dict[str, object]:
    """Return the response to one operation."""
    match operation:
        case "DescribeTable":
            return {"Table": {**_TABLE, "TableName": request.get("TableName")}}
        case "DescribeTimeToLive":
            return {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED"}}
        case "Query" | "Scan":
            return {"Items": [], "Count": 0, "ScannedCount": 0}
        case _:
            return {}


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one connection."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
            fields = dict(line.split(": ", 1) for line in head[1:] if ": " in line)
            body = await reader.readexactly(int(fields.get("content-length", "0")))
            operation = fields.get("x-amz-target", "").rpartition(".")[2]
            if operation == "getitem" and str(SLOW_ORDER).encode() in body:
                await asyncio.sleep(SLOW_S)
            names = {
                name.lower(): name
                for name in ("DescribeTable", "DescribeTimeToLive", "Query", "Scan")
            }
            content = json.dumps(
                answer(names.get(operation, operation), json.loads(body or b"{}"))
            ).encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\n"
                b"x-amzn-RequestId: 1\r\nx-amz-crc32: %d\r\nContent-Length: %d\r\n\r\n%s"
                % (crc32(content), len(content), content)
            )
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main(port: int) -> None:
    """Listen for ever."""
    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=1_000)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
