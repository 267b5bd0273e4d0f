"""Views of the voice page."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import get_script_prefix, reverse
from django.utils.csp import CSP
from django.views.decorators.cache import cache_control
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_safe

from business.services import PROFILES, business_name
from voice.prompts.personas import persona_of

POLICY: dict[str, Any] = {
    **settings.SECURE_CSP,
    "frame-ancestors": settings.FRAME_ANCESTORS or [CSP.NONE],
}


@require_safe
@cache_control(no_cache=True)
@csp_override(POLICY)
def call_page(request: HttpRequest) -> HttpResponse:
    """Render the page; all its texts are in the template."""
    name = business_name()
    assistant = persona_of(settings.NOVA_SONIC_VOICE, PROFILES.current.personas)
    context = {
        "business_name": name,
        "assistant": assistant,
        "socket_path": f"{get_script_prefix()}ws",
        "ticket_path": reverse("tickets"),
    }
    response = render(request, "voice/call.html", context)
    if settings.FRAME_ANCESTORS:
        response.xframe_options_exempt = True
    return response


@require_safe
def favicon(_request: HttpRequest) -> HttpResponse:
    """Redirect to the icon, for pages without an icon of their own, such as those of the admin."""
    return redirect(static("voice/icon.svg"))
