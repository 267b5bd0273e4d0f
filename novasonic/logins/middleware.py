"""Middleware for logins and for what a response lets others keep."""

from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

from novasonic.logins.limits import DEVICE_COOKIE, DEVICE_COOKIE_AGE_S, Refusal, device_cookie
from novasonic.second_factor.devices import needs_second_factor


class LoginMiddleware(MiddlewareMixin):
    """Answers refused logins with 429, and gives a browser that has logged in its cookie."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Complete the response to a login."""
        refusal: Refusal | None = getattr(request, "login_refusal", None)
        if refusal is not None:
            response.status_code = 429
            response["Retry-After"] = str(refusal.wait_s)
        username: str | None = getattr(request, "logged_in_username", None)
        if username is not None:
            response.set_cookie(
                DEVICE_COOKIE,
                device_cookie(request, username),
                max_age=DEVICE_COOKIE_AGE_S,
                path=settings.SESSION_COOKIE_PATH,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response


class SecureCookieMiddleware(MiddlewareMixin):
    """Marks all cookies of a response over HTTPS as `Secure`, also where SITE_URL is not set."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Mark the cookies."""
        if request.is_secure():
            for cookie in response.cookies.values():
                cookie["secure"] = True
        return response


def _remember_login(request: HttpRequest | None, user: Any, **_kwargs: Any) -> None:
    if request is not None and not needs_second_factor(user):
        setattr(request, "logged_in_username", user.get_username())  # noqa: B010 -- as above


user_logged_in.connect(_remember_login, dispatch_uid="novasonic.logins")
