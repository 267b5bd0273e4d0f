"""The SQL database of Django's own users, groups, sessions and admin log.

The business's data is in DynamoDB. PostgreSQL serves several servers; SQLite one server, with no set-up.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

import dj_database_url

POSTGRESQL_ENGINE = "django.db.backends.postgresql"
CONNECT_TIMEOUT_S = 30
"""A paused Aurora Serverless database needs about 15 s to resume."""


def database_config(url: str, sqlite_path: Path) -> dict[str, Any]:
    """Return Django's configuration of the database at `url`, or of the SQLite file if that is empty."""
    return postgresql_config(url) if url else sqlite_config(sqlite_path)


def postgresql_config(url: str) -> dict[str, Any]:
    """Return the configuration for an address such as `postgres://user:password@host:5432/name`.

    Parameters of the address (`?sslmode=require`) are passed to libpq. Each request has a connection
    of its own: an idle one would keep a serverless database from pausing, and costs it memory.
    """
    config: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=0))
    config["OPTIONS"] = {"connect_timeout": CONNECT_TIMEOUT_S, **config.get("OPTIONS", {})}
    return config


def sqlite_config(path: Path) -> dict[str, Any]:
    """Return the configuration for a file, and create its folder."""
    with suppress(OSError):  # on a read-only file system, opening the database reports the error
        path.parent.mkdir(parents=True, exist_ok=True)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            "transaction_mode": "IMMEDIATE",
        },
    }
