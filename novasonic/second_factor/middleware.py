"""Middleware that makes a session without its second factor nobody's."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin
from django.utils.functional import SimpleLazyObject

from novasonic.second_factor.devices import needs_second_factor


class SecondFactorMiddleware(MiddlewareMixin):
    """Gives views an anonymous user until the session has shown the second factor that it needs.

    So no view has to ask: the admin, the REST API with a session, and whatever is added later refuse
    such a request as one without a login. It stands behind django-otp's middleware.
    """

    def process_request(self, request: HttpRequest) -> None:
        """Wrap the request's user."""
        user, load = request.user, request.auser
        request.user = SimpleLazyObject(partial(_verified_user, request, user))  # type: ignore[assignment]  # as Django does
        request.auser = partial(_load_verified_user, request, load)


def unverified_user(request: HttpRequest) -> Any:
    """Return the user whose password this session has shown, but not their second factor; else None."""
    bool(request.user.is_authenticated)  # evaluates the lazy user
    return getattr(request, "unverified_user", None)


def _verified_user(request: HttpRequest, user: Any) -> Any:
    if not needs_second_factor(user):
        return user
    setattr(request, "unverified_user", user)  # noqa: B010 -- no attribute that Django declares
    return AnonymousUser()


async def _load_verified_user(request: HttpRequest, load: Callable[[], Awaitable[Any]]) -> Any:
    return await sync_to_async(_verified_user)(request, await load())
