"""`manage.py invite_staff` and the page on which an invited user chooses a password."""

from io import StringIO
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django.fixtures import Settings

from tests.fixtures.forms import fields_of

pytestmark = [pytest.mark.django_db]

PASSWORD = "nueva-clave-9!"


def invite(*arguments: str) -> str:
    """Return the link that the command prints."""
    printed = StringIO()
    call_command("invite_staff", *arguments, stdout=printed)
    return printed.getvalue().splitlines()[-1]


def choose_password(link: str, password: str = PASSWORD) -> Any:
    """Open the link and submit its form; return the response to the form."""
    client = Client()
    page = client.get(urlsplit(link).path, follow=True)
    form = {
        **fields_of(page.content.decode()),
        "new_password1": password,
        "new_password2": password,
    }
    return client.post(page.redirect_chain[-1][0], form)


def test_invited_user_chooses_a_password_and_logs_in(settings: Settings) -> None:
    settings.SITE_URL = "https://voz.example.com"
    link = invite("ana", "--role", "reception", "--role", "viewer")

    assert link.startswith("https://voz.example.com/admin/invitation/")
    chosen = choose_password(link)

    assert chosen["Location"] == "/admin/login/"
    client = Client()
    assert client.login(username="ana", password=PASSWORD)
    assert client.get("/admin/password_change/").status_code == 200
    user = User.objects.get(username="ana")
    assert {group.name for group in user.groups.all()} == {"reception", "viewer"}
    assert not user.is_superuser


def test_page_of_the_invitation_is_spanish() -> None:
    page = Client().get(urlsplit(invite("ana", "--superuser")).path, follow=True)

    assert "contraseña" in page.content.decode()


def test_link_works_once() -> None:
    link = invite("ana", "--superuser")
    choose_password(link)

    again = Client().get(urlsplit(link).path, follow=True)

    assert "new_password1" not in again.content.decode()


def test_weak_password_is_refused() -> None:
    refused = choose_password(invite("ana", "--superuser"), "12345678")

    assert refused.status_code == 200
    assert not User.objects.get(username="ana").has_usable_password()


def test_invited_again_a_user_keeps_roles_and_password() -> None:
    choose_password(invite("ana", "--role", "reception"))

    invite("ana", "--superuser")

    user = User.objects.get(username="ana")
    assert user.check_password(PASSWORD)
    assert user.is_superuser
    assert [group.name for group in user.groups.all()] == ["reception"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["ana"], "--role or --superuser"), (["ana", "--role", "boss"], "reception, supervisor")],
)
def test_invitation_without_a_known_role_is_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        invite(*arguments)
    assert not User.objects.filter(username="ana").exists()
