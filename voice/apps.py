"""The voice app."""

from typing import Any, override

from corsheaders.signals import check_request_enabled
from django.apps import AppConfig
from django.http import HttpRequest

from voice.gateway.origins import may_call

TICKETS = "/voice/tickets"


class VoiceConfig(AppConfig):
    """Lets pages of the origins that may call ask for tickets."""

    name = "voice"

    @override
    def ready(self) -> None:
        check_request_enabled.connect(may_ask_for_tickets, dispatch_uid="voice.tickets")


def may_ask_for_tickets(sender: Any, request: HttpRequest, **_: Any) -> bool:  # noqa: ARG001 -- the signal's
    """Tell whether a page of another origin may ask for a ticket."""
    return request.path == TICKETS and may_call(request.headers.get("Origin", ""))
