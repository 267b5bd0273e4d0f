"""Where the WebSocket answers: both addresses that clients of the earlier system use."""

from django.urls import path

from voice.consumers import VoiceConsumer

websocket_urlpatterns = [
    path("ws", VoiceConsumer.as_asgi()),
    path("", VoiceConsumer.as_asgi()),
]
