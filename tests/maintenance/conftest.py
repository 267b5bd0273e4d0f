"""A client for whole tables, items to fill them with, and a way to run commands."""

from collections.abc import Iterator
from io import StringIO
from typing import Any, Protocol

import pytest
from django.core.management import call_command

from common.dynamodb.bulk import BulkClient
from maintenance.tables import configured_tables


@pytest.fixture
def client(empty_tables: str) -> Iterator[BulkClient]:
    """A client for whole tables, all of them empty."""
    made = BulkClient()
    for table in configured_tables().values():
        keys = [(i["PK"]["S"], i["SK"]["S"]) for i in made.scan(table)]
        assert sum(made.delete_many(table, keys)) == len(keys)
    yield made
    made.close()


class RunCommand(Protocol):
    """Runs a command in this process and returns what it printed on stdout."""

    def __call__(self, *arguments: str, **options: Any) -> str: ...


@pytest.fixture
def run() -> RunCommand:
    def run_command(*arguments: str, **options: Any) -> str:
        stdout, stderr = StringIO(), StringIO()
        call_command(*arguments, stdout=stdout, stderr=stderr, **options)
        return stdout.getvalue()

    return run_command
