"""Views of the voice page."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from voice.prompts.personas import persona_of


@require_safe
@cache_control(no_cache=True)
def call_page(request: HttpRequest) -> HttpResponse:
    """Render the page; all its texts are in the template."""
    assistant = persona_of(settings.NOVA_SONIC_VOICE)
    context = {"business_name": settings.BUSINESS_NAME, "assistant": assistant}
    return render(request, "voice/call.html", context)


@require_safe
def favicon(_request: HttpRequest) -> HttpResponse:
    """Redirect to the icon, for pages without an icon of their own, such as those of the admin."""
    return redirect(static("voice/icon.svg"))
