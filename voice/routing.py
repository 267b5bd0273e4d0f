"""Where the WebSocket answers: both addresses that clients of the earlier system use."""

from typing import Any

from django.urls import path

from voice.consumers import VoiceConsumer

_consumer: Any = VoiceConsumer.as_asgi()  # `path` is typed for views

websocket_urlpatterns: list[Any] = [path("ws", _consumer), path("", _consumer)]
