"""`manage.py prepare_demo`: create missing tables, demo data and a staff login."""

import os
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Create missing tables, demo data and a staff login. For local use."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--username", required=True)
        parser.add_argument(
            "--password",
            default=os.environ.get("DJANGO_SUPERUSER_PASSWORD"),
            help="default: DJANGO_SUPERUSER_PASSWORD, which other users of the machine can't read",
        )
        parser.add_argument(
            "--replace-password",
            metavar="OLD",
            help="if the user exists with this password, give them the new one",
        )

    def handle(
        self,
        *_args: Any,
        username: str,
        password: str | None,
        replace_password: str | None,
        **_options: Any,
    ) -> None:
        if not password:
            raise CommandError("A password is needed: --password or DJANGO_SUPERUSER_PASSWORD.")
        call_command("migrate", interactive=False, verbosity=0)
        call_command("create_tables")
        call_command("seed_orders")
        call_command("seed_products")
        call_command("seed_appointments")
        users = get_user_model().objects
        user = users.filter(username=username).first()
        if user is None:
            users.create_superuser(username=username, password=password)
        elif password != replace_password and user.check_password(replace_password or ""):
            user.set_password(password)
            user.save()
