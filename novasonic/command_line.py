"""Run management commands; expected failures end them with one line instead of a traceback.

Expected are failures that the operator can fix: DynamoDB, S3 or the SQL database is unreachable, a table
or a permission is missing, the environment is invalid. Each becomes a `CommandError`, which Django prints
as one line; with `--traceback` it prints the whole chain. Any other exception is a bug and keeps its
traceback. `manage.py` runs every command through `run_command`, Django's own commands, too.
"""

import logging
import os
import sys
from typing import Any, override

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import BaseCommand, CommandError, ManagementUtility
from django.db import DatabaseError
from django.utils import translation

from common.dynamodb.failures import describe_unavailability
from common.errors import DomainError, UnavailableError

SERVERS = frozenset({"serve", "runserver"})
"""Commands that keep running. Their log must contain each failure of DynamoDB."""
INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells report it."""

EXPECTED_ERRORS = (UnavailableError, DomainError, BotoCoreError, ClientError, DatabaseError)


def run_command(argv: list[str]) -> int:
    """Run the command that `argv` names and return its exit status."""
    try:
        _CommandLine(argv).execute()
    except ImproperlyConfigured as error:
        if "--traceback" in argv:
            raise
        sys.stderr.write(f"{error}\n")
        return 1
    except BrokenPipeError:
        # The program that reads the output, e.g. `head`, has ended. Python would fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return INTERRUPTED
    return 0


class _CommandLine(ManagementUtility):
    """Django's command line, whose commands raise `CommandError` for every expected failure."""

    @override
    def fetch_command(self, subcommand: str) -> BaseCommand:
        settings.INSTALLED_APPS  # noqa: B018 -- a broken environment ends any command, `shell` too
        command = super().fetch_command(subcommand)
        execute = command.execute

        def execute_or_explain(*args: Any, **options: Any) -> str | None:
            try:
                return execute(*args, **options)
            except EXPECTED_ERRORS as error:
                raise CommandError(describe_failure(error)) from error

        command.execute = execute_or_explain  # type: ignore[method-assign]  # Django has no hook here
        if subcommand not in SERVERS:
            # The command's error has the same content, for people.
            logging.getLogger("common.dynamodb.failures").disabled = True
        return command


def describe_failure(error: Exception) -> str:
    """Return one line that says what failed and what to do about it."""
    match error:
        case UnavailableError():
            return describe_unavailability(error)
        case DomainError():
            with translation.override("en"):  # operators read English; the texts are for customers
                return f"{error.message} ({error.code})"
        case DatabaseError():
            return f"The SQL database: {_first_line(error)}. {_sql_remedy(str(error))}"
        case _:
            return f"AWS: {_first_line(error)}"


def _sql_remedy(text: str) -> str:
    if "no such table" in text or "does not exist" in text:
        return "Run `python manage.py migrate`."
    return "See DATABASE_URL, or SQLITE_PATH without it."


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")
