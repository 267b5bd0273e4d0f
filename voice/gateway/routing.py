"""The paths of the WebSocket; clients of the earlier system use both."""

from typing import Any

from django.urls import path, re_path

from voice.gateway.consumers import VoiceConsumer

_consumer: Any = VoiceConsumer.as_asgi()  # `path` is typed for views


async def reject_connection(_scope: Any, receive: Any, send: Any) -> None:
    """Close before the handshake, which makes the server answer 403."""
    await receive()
    await send({"type": "websocket.close"})


websocket_urlpatterns: list[Any] = [
    path("ws", _consumer),
    path("", _consumer),
    re_path("", reject_connection),  # type: ignore[arg-type]  # as above
]
