"""`manage.py create_tables`: makes the DynamoDB tables and indexes that are missing."""

from typing import Any

from django.core.management.base import BaseCommand

from common.dynamodb.tables import create_tables


class Command(BaseCommand):
    help = "Makes the DynamoDB tables and indexes that are missing. May be run at each start."
    requires_system_checks = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        for name in create_tables():
            self.stdout.write(f"Table {name} made.")
