"""Where the WebSocket answers: both addresses that clients of the earlier system use."""

from typing import Any

from django.urls import path, re_path

from voice.gateway.consumers import VoiceConsumer

_consumer: Any = VoiceConsumer.as_asgi()  # `path` is typed for views


async def nowhere(_scope: Any, receive: Any, send: Any) -> None:
    """Refuse any other path: the server answers 403 to its handshake."""
    await receive()
    await send({"type": "websocket.close"})


websocket_urlpatterns: list[Any] = [
    path("ws", _consumer),
    path("", _consumer),
    re_path("", nowhere),  # type: ignore[arg-type]  # as above
]
