"""The base class of the maintenance commands."""

import json
from argparse import ArgumentParser
from typing import Any, override

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from common import clock
from common.dynamodb.bulk import BulkClient
from common.dynamodb.endpoint import is_aws
from maintenance.backups import Manifest, opened_backup, write_backup
from maintenance.errors import MaintenanceError
from maintenance.locations import Location, location_at
from maintenance.progress import Progress
from maintenance.tables import TableNames, configured_tables

DEFAULT_BACKUP_LOCATION = settings.BASE_DIR / "var" / "backups"


class MaintenanceCommand(BaseCommand):
    """A command on whole tables.

    One that writes has the option `--allow-production` and calls `refuse_production` first.
    """

    requires_system_checks = ()
    writes_data = False

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        if self.writes_data:
            parser.add_argument(
                "--allow-production",
                action="store_true",
                help="write to DynamoDB on AWS; without it, only to a DynamoDB on this machine",
            )

    @override
    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except MaintenanceError as error:
            raise CommandError(str(error)) from error
        except BrokenPipeError:
            raise
        except OSError as error:  # a full disk, or a file that can't be read
            raise CommandError(
                f"{error.filename or 'A file'}: {error.strerror or error}"
            ) from error

    def add_table_option(self, parser: ArgumentParser, default: str) -> None:
        """Add the option `--table`, which chooses some of the tables."""
        parser.add_argument(
            "--table",
            action="append",
            dest="tables",
            choices=sorted(configured_tables()),
            help=f"only this one; may be repeated (default: {default})",
        )

    def refuse_production(self, *, allow_production: bool) -> None:
        """End the command if it would write on AWS and nobody said that it may."""
        if is_aws() and not allow_production:
            names = ", ".join(configured_tables().values())
            raise CommandError(
                f"This would write to DynamoDB on AWS, in {settings.AWS_REGION}: {names}. "
                "If that is meant, add --allow-production."
            )

    def bulk_client(self) -> BulkClient:
        """Return a client for whole tables."""
        return BulkClient()

    def require_tables(self, client: BulkClient, names: TableNames) -> None:
        """End the command unless all tables exist."""
        missing = [name for name in names.values() if client.describe_table(name) is None]
        if missing:
            raise CommandError(
                f"These tables don't exist at {client.endpoint}: {', '.join(missing)}. "
                "Run `python manage.py create_tables`, or see ORDERS_TABLE, APPOINTMENTS_TABLE, "
                "CALLS_TABLE."
            )

    def back_up(
        self, client: BulkClient, tables: TableNames, location: str, kms_key: str | None
    ) -> tuple[Location, Manifest]:
        """Back up tables to a new place in a location, verify it, and return it."""
        with self.progress("backed up") as progress:
            place, manifest = write_backup(
                client,
                tables,
                location_at(location, kms_key=kms_key),
                region=settings.AWS_REGION,
                now=clock.now(),
                on_item=progress.advance,
            )
        progress = self.progress("verified", total=manifest.items)
        with opened_backup(place, on_item=progress.advance):
            progress.finish()
        return place, manifest

    def progress(self, label: str, *, total: int | None = None) -> Progress:
        """Return a progress that is shown on stderr."""
        return Progress(_Unterminated(self), label, total=total)

    def write_json(self, value: Any) -> None:
        """Write a value as indented JSON."""
        self.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str))


class _Unterminated:
    """The stderr of a command; Django's own `write` ends each text with a new line."""

    def __init__(self, command: BaseCommand) -> None:
        self._stream = command.stderr

    def write(self, msg: str, /) -> object:
        return self._stream.write(msg, style_func=str, ending="")

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()
