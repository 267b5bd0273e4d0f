"""`manage.py create_tables`: create the missing DynamoDB tables and indexes."""

from typing import Any

from django.core.management.base import BaseCommand

from common.dynamodb.tables import create_tables


class Command(BaseCommand):
    help = "Create the missing DynamoDB tables and indexes. Safe to run at each start."
    requires_system_checks = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        for name in create_tables():
            self.stdout.write(f"Table {name} created.")
