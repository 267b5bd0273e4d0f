"""Django app configuration of `voice`."""

from typing import Any, override

from corsheaders.signals import check_request_enabled
from django.apps import AppConfig
from django.http import HttpRequest

from voice.gateway.origins import is_allowed_origin

TICKETS_PATH = "/voice/tickets"


class VoiceConfig(AppConfig):
    """The voice app; it lets pages of the allowed origins request tickets (CORS)."""

    name = "voice"

    @override
    def ready(self) -> None:
        check_request_enabled.connect(allow_ticket_request, dispatch_uid="voice.tickets")


def allow_ticket_request(sender: Any, request: HttpRequest, **_: Any) -> bool:  # noqa: ARG001 -- the signal's
    """Whether CORS allows a page of another origin to make this request: only for a ticket."""
    return request.path == TICKETS_PATH and is_allowed_origin(request.headers.get("Origin", ""))
