"""The base class of the commands that store demo data."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from common.dynamodb.endpoint import is_aws


class SeedCommand(BaseCommand):
    """A command with the option `--fresh`, which never empties a table on AWS."""

    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add `--fresh`."""
        parser.add_argument("--fresh", action="store_true", help="empty the table first")

    def refuse_fresh_on_aws(self, *, fresh: bool) -> None:
        """Stop the command if it would empty a table on AWS."""
        if fresh and is_aws():
            raise CommandError(
                "--fresh deletes everything, so it works only with a local DynamoDB."
            )
