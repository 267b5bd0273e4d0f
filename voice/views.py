"""The page on which a customer calls."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
def call_page(request: HttpRequest) -> HttpResponse:
    """Render the page; everything it says is in its template."""
    return render(request, "voice/call.html", {"business_name": settings.BUSINESS_NAME})
