"""Management commands end with one line when the environment is at fault, not with a traceback."""

import sys
from collections.abc import Sequence

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db.utils import OperationalError


def run_command(argv: Sequence[str]) -> None:
    """Run the management command that `argv` names; `--traceback` shows the traceback of any error."""
    try:
        execute_from_command_line(list(argv))
    except Exception as error:
        message = _message(error)
        if message is None or "--traceback" in argv:
            raise
        sys.exit(message)


def _message(error: Exception) -> str | None:
    """Return the line for an error that whoever runs the command can correct; None for a bug."""
    from common.errors import UnavailableError  # noqa: PLC0415 -- the settings may be what is broken

    match error:
        case ImproperlyConfigured():
            return str(error)
        case OperationalError():
            reason = " ".join(str(error).split())
            return f"The SQL database can't be used (DATABASE_URL, SQLITE_PATH): {reason}"
        case UnavailableError():
            return f"DynamoDB can't be used: {error.data['reason']}. See the log line above."
        case _:
            return None
