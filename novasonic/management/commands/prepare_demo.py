"""`manage.py prepare_demo`: create missing tables, demo data and a staff login."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Create missing tables, demo data and a staff login. For local use."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--username", required=True)
        parser.add_argument("--password", required=True)

    def handle(self, *_args: Any, username: str, password: str, **_options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        call_command("create_tables")
        call_command("seed_orders")
        call_command("seed_appointments")
        users = get_user_model().objects
        if not users.filter(username=username).exists():
            users.create_superuser(username=username, password=password)
