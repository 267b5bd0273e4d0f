"""`python manage.py api_token USERNAME`: print a bearer token for the REST API."""

from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from common import clock
from common.rest import tokens


class Command(BaseCommand):
    help = "Print a bearer token of the REST API for a user of this site."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--hours", type=int, default=12, help="lifetime in hours (12)")

    def handle(self, *_args: Any, username: str, hours: int, **_options: Any) -> None:
        if not 1 <= hours <= 24 * 365:
            raise CommandError("--hours must be 1 to 8760.")
        if not get_user_model().objects.filter(username=username, is_active=True).exists():
            raise CommandError(f"There is no active user {username!r}.")
        token = tokens.issue_token(username, now=clock.now(), lifetime=timedelta(hours=hours))
        self.stdout.write(token)
