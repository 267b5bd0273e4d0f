"""`python manage.py api_token USERNAME`: print a bearer token for the REST API."""

from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from common import clock
from common.rest import tokens

API_APPS = ("orders.", "appointments.")


class Command(BaseCommand):
    help = "Print a bearer token of the REST API for a user of this site."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--hours", type=int, default=12, help="lifetime in hours (12)")

    def handle(self, *_args: Any, username: str, hours: int, **_options: Any) -> None:
        if not 1 <= hours <= 24 * 365:
            raise CommandError("--hours must be 1 to 8760.")
        user = get_user_model().objects.filter(username=username, is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user {username!r}.")
        token = tokens.issue_token(
            username,
            now=clock.now(),
            lifetime=timedelta(hours=hours),
            permissions=_api_permissions(user),
        )
        self.stdout.write(token)


def _api_permissions(user: Any) -> list[str]:
    """Return the user's permissions on the records that the REST API serves; staff only have any."""
    names = user.get_all_permissions() if user.is_staff else set()
    return [name for name in names if name.startswith(API_APPS)]
