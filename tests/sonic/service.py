"""Payloads as the service sends them, and a decoder of the client's payloads.

Written by hand from AWS's user guide, with the service's own names; the project's codec is not used
here.
"""

import base64
import json
from typing import Any

IDS = {"sessionId": "s-1", "promptName": "p-1", "completionId": "k-1"}


def payload(name: str, **body: Any) -> bytes:
    return json.dumps({"event": {name: {**IDS, **body}}}).encode()


def completion_start() -> bytes:
    return payload("completionStart")


def completion_end() -> bytes:
    return payload("completionEnd", stopReason="END_TURN")


def text_start(content_id: str, role: str, stage: str | None = "FINAL") -> bytes:
    fields = {"additionalModelFields": json.dumps({"generationStage": stage})} if stage else {}
    configuration = {"mediaType": "text/plain"}
    return payload(
        "contentStart",
        contentId=content_id,
        type="TEXT",
        role=role,
        textOutputConfiguration=configuration,
        **fields,
    )


def text(content_id: str, content: str, **fields: str) -> bytes:
    return payload("textOutput", contentId=content_id, content=content, **fields)


def content_end(content_id: str, kind: str, stop_reason: str = "PARTIAL_TURN") -> bytes:
    return payload("contentEnd", contentId=content_id, type=kind, stopReason=stop_reason)


def audio_start(content_id: str) -> bytes:
    return payload("contentStart", contentId=content_id, type="AUDIO", role="ASSISTANT")


def audio(content_id: str, pcm: bytes) -> bytes:
    return payload("audioOutput", contentId=content_id, content=base64.b64encode(pcm).decode())


def tool_start(content_id: str) -> bytes:
    return payload("contentStart", contentId=content_id, type="TOOL", role="TOOL")


def tool_use(
    content_id: str, tool_use_id: str, content: str, name: str = "consultarOrder"
) -> bytes:
    return payload(
        "toolUse", contentId=content_id, toolUseId=tool_use_id, toolName=name, content=content
    )


def usage(**total: Any) -> bytes:
    return payload("usageEvent", details={"delta": {}, "total": total})


def decode_sent(payloads: list[bytes]) -> list[tuple[str, dict[str, Any]]]:
    """Return the name and body of each payload that the client sent."""
    return [next(iter(json.loads(each)["event"].items())) for each in payloads]
