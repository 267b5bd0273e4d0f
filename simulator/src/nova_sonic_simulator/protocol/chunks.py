"""What this operation puts into event-stream messages: Nova's JSON, exceptions and errors.

From the service model of InvokeModelWithBidirectionalStream: both ways a `chunk` whose JSON
payload holds the event's own JSON once more in base64. An exception the model names travels as an
`exception` message; anything else, such as a bad event signature, as an `error` message, which is
the framing's own way to say what no model foresaw.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nova_sonic_simulator.protocol.eventstream import Message

MAX_BLOB_BYTES = 1_000_000

type ExceptionType = Literal[
    "internalServerException",
    "modelStreamErrorException",
    "modelTimeoutException",
    "serviceUnavailableException",
    "throttlingException",
    "validationException",
]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the service ends a stream, in its own words."""

    exception_type: ExceptionType
    message: str


class MalformedChunkError(Exception):
    """A message that holds no `chunk`."""


def payload_of(message: Message) -> bytes:
    """Return Nova's JSON out of a client's message; unknown keys beside `bytes` are ignored."""
    headers = message.headers
    if headers.get(":message-type") != "event" or headers.get(":event-type") != "chunk":
        raise MalformedChunkError("the message is no event of type chunk")
    try:
        blob = json.loads(message.payload)["bytes"]
        payload = base64.b64decode(blob, validate=True)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise MalformedChunkError("the payload holds no bytes in base64") from error
    if len(payload) > MAX_BLOB_BYTES:
        raise MalformedChunkError(f"a chunk of {len(payload)} bytes")
    return payload


def event_message(event: Mapping[str, Any]) -> Message:
    """Wrap one of Nova's output events."""
    return json_message(event)


def json_message(value: Any) -> Message:
    """Wrap any JSON as an output event travels, be it one or not."""
    payload = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    blob = base64.b64encode(payload).decode()
    return Message(
        {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"},
        json.dumps({"bytes": blob}).encode(),
    )


def exception_message(exception_type: str, text: str) -> Message:
    """Wrap an exception; the stream ends behind it."""
    return Message(
        {
            ":exception-type": exception_type,
            ":content-type": "application/json",
            ":message-type": "exception",
        },
        json.dumps({"message": text}).encode(),
    )


def error_message(code: str, text: str) -> Message:
    """Wrap an error the service model doesn't name; the stream ends behind it."""
    return Message({":error-code": code, ":error-message": text, ":message-type": "error"})
