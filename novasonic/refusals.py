"""Error responses that are sent before Django sees the request, in the form of the REST API."""

import json
from typing import Any

from django.utils.translation import override


async def send_refusal(
    scope: Any,
    send: Any,
    status: int,
    *,
    code: str,
    text: object,
    retry_after_s: int | None = None,
) -> None:
    """Send an error, and close the connection after it.

    Args:
        scope: The ASGI scope of the request.
        send: ASGI's `send`.
        status: The status of the response.
        code: The error's code.
        text: The lazy translation of its message; `Accept-Language` chooses the language.
        retry_after_s: After how many seconds to try again; None: nothing says that it helps.

    """
    details = {} if retry_after_s is None else {"retryAfterS": retry_after_s}
    accepted = dict(scope["headers"]).get(b"accept-language", b"")
    with override("es" if accepted.lower().startswith(b"es") else "en"):
        error = {"code": code, "message": str(text), "details": details}
    body = json.dumps({"success": False, "error": error}).encode()
    fields = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "cache-control": "no-store",
        "connection": "close",
        **({} if retry_after_s is None else {"retry-after": str(retry_after_s)}),
    }
    encoded = [(name.encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
