"""Every page of the staff site, also those that come later, is closed to those without permission."""

import re
from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver

pytestmark = [pytest.mark.store, pytest.mark.django_db]

OPEN_TO_ALL_STAFF = {
    "",
    "logout/",
    "password_change/",
    "password_change/done/",
    "jsi18n/",
    "second-factor/",
}
"""The start page shows what its user may view; the others are about the user alone."""
OPEN_TO_ALL = {"login/", "jsi18n/"}
REFUSED = {403, 404, 405}


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    """Yield the paths of the staff site, with an id in place of each parameter."""
    for each in patterns:
        route = prefix + re.sub(r"<[^>]+>", "1", str(each.pattern))
        if isinstance(each, URLResolver):
            yield from routes(each.url_patterns, route)
        elif not re.search(r"[$^(]", route):  # the last two of Django are for unknown paths
            yield route


def all_routes() -> list[str]:
    return list(dict.fromkeys(routes(admin.site.get_urls())))


def answers(client: Client, route: str) -> Iterator[tuple[str, HttpResponseBase]]:
    for method in ("GET", "POST"):
        yield method, client.generic(method, f"/admin/{route}")


def test_pages_are_those_of_every_registered_model() -> None:
    found = all_routes()
    for model in admin.site._registry:  # noqa: SLF001 -- Django has no other list of them
        assert f"{model._meta.app_label}/{model._meta.model_name}/" in found


def test_staff_without_permission_are_refused_by_every_page(empty_tables: str) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    opened = [
        (method, route, response.status_code)
        for route in all_routes()
        if route not in OPEN_TO_ALL_STAFF | OPEN_TO_ALL
        for method, response in answers(client, route)
        if not is_refused(response) and not is_redirect_to_change(route, response)
    ]
    assert opened == []


def test_those_who_may_only_view_change_nothing_on_any_page(empty_tables: str) -> None:
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = Client(raise_request_exception=False)
    client.force_login(user)
    changing = [
        route
        for route in all_routes()
        if re.search(r"/(add|delete|change|lift|complete)/$", route)
        and not is_refused(client.post(f"/admin/{route}"))
    ]
    assert changing == []


@pytest.mark.parametrize("is_known", [False, True], ids=["anonymous", "no staff"])
def test_all_others_are_sent_to_the_login(empty_tables: str, is_known: bool) -> None:
    client = Client(raise_request_exception=False)
    if is_known:
        client.force_login(User.objects.create_user("customer"))
    opened = [
        (method, route, response.status_code)
        for route in all_routes()
        if route not in OPEN_TO_ALL
        for method, response in answers(client, route)
        if not is_redirect_to_login(response) and not is_refused(response)
    ]
    assert opened == []


def is_refused(response: HttpResponseBase) -> bool:
    """Whether the answer is an error, or leads to the start page because there is no such record."""
    return response.status_code in REFUSED or response.get("Location") == "/admin/"


def is_redirect_to_login(response: HttpResponseBase) -> bool:
    return response.status_code == 302 and "/login/" in response.get("Location", "")


def is_redirect_to_change(route: str, response: HttpResponseBase) -> bool:
    """Whether a path without its last part leads to the page of the record, which is refused."""
    return response.status_code == 302 and response["Location"] == f"/admin/{route}change/"
