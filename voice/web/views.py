"""The page on which a customer calls."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.views.decorators.http import require_safe


@require_safe
def call_page(request: HttpRequest) -> HttpResponse:
    """Render the page; everything it says is in its template."""
    return render(request, "voice/call.html", {"business_name": settings.BUSINESS_NAME})


@require_safe
def icon(_request: HttpRequest) -> HttpResponse:
    """Send browsers that look for an icon by themselves, as on the pages of staff and API, to ours."""
    return redirect(static("voice/icon.svg"))
