"""`manage.py invite_staff`: create a staff member, or give one a new password, by a link."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.auth.tokens import default_token_generator
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from novasonic.second_factor.devices import remove


class Command(BaseCommand):
    help = (
        "Creates a member of the staff, or adds to what an existing one may do, and prints a link under "
        "which they choose a password. The link works once, until PASSWORD_RESET_TIMEOUT is over."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", action="append", default=[], help="a role; may be repeated")
        parser.add_argument("--superuser", action="store_true", help="may do everything")
        parser.add_argument(
            "--reset-second-factor",
            action="store_true",
            help="forget their authenticator app, and their recovery codes",
        )

    def handle(
        self,
        *_args: Any,
        username: str,
        role: list[str],
        superuser: bool,
        reset_second_factor: bool = False,
        **_options: Any,
    ) -> None:
        groups = [_group(name) for name in role]
        user, is_new = get_user_model().objects.get_or_create(username=username)
        if is_new and not (groups or superuser):
            user.delete()
            raise CommandError("Say what the new user may do: --role or --superuser.")
        user.is_staff = user.is_active = True
        user.is_superuser = user.is_superuser or superuser
        if is_new:
            user.set_unusable_password()
        user.save()
        user.groups.add(*groups)
        if reset_second_factor:
            remove(user)
        hours = settings.PASSWORD_RESET_TIMEOUT // 3600
        self.stdout.write(f"{username} chooses a password here within {hours} hours:")
        self.stdout.write(_invitation_url(user))


def _group(name: str) -> Group:
    group = Group.objects.filter(name=name).first()
    if group is None:
        roles = ", ".join(Group.objects.order_by("name").values_list("name", flat=True))
        raise CommandError(f"There is no role {name!r}. The roles are: {roles or 'none; migrate'}.")
    return group


def _invitation_url(user: Any) -> str:
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    path = reverse("invitation", args=[uid, default_token_generator.make_token(user)])
    return (settings.SITE_URL or f"http://{settings.HOST}:{settings.WS_PORT}") + path
