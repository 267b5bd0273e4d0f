"""Payloads of event-stream messages: Nova's JSON, exceptions and errors.

From the service model of InvokeModelWithBidirectionalStream: in both directions a `chunk` whose JSON
payload contains the event's JSON in base64. Modelled exceptions travel as `exception` messages.
Anything else, such as an invalid event signature, travels as an `error` message.
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
    """Why the service ends a stream: exception type and message."""

    exception_type: ExceptionType
    message: str


class MalformedChunkError(Exception):
    """The message is not a `chunk`, or its payload is malformed."""


def payload_of(message: Message) -> bytes:
    """Return Nova's JSON from a client's message; keys other than `bytes` are ignored."""
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
    """Return a message that contains an output event."""
    return json_message(event)


def json_message(value: Any) -> Message:
    """Return a message that contains any JSON, whether an output event or not."""
    payload = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    blob = base64.b64encode(payload).decode()
    return Message(
        {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"},
        json.dumps({"bytes": blob}).encode(),
    )


def exception_message(exception_type: str, text: str) -> Message:
    """Return an exception message; it ends the stream."""
    return Message(
        {
            ":exception-type": exception_type,
            ":content-type": "application/json",
            ":message-type": "exception",
        },
        json.dumps({"message": text}).encode(),
    )


def error_message(code: str, text: str) -> Message:
    """Return an error message, for errors outside the service model; it ends the stream."""
    return Message({":error-code": code, ":error-message": text, ":message-type": "error"})
