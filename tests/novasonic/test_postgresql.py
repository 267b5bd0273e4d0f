"""The site on a real PostgreSQL: migrations, several servers, an outage."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import psycopg
import pytest

from tests.fixtures.postgresql import PostgreSQL, running_postgresql
from tests.fixtures.python_processes import run_manage
from tests.fixtures.site import SiteRunner, running_site
from tests.fixtures.voice_clients import open_client
from tests.interfaces.staff_session import CREDENTIALS, StaffSession

pytestmark = [pytest.mark.wire, pytest.mark.postgresql]


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    with running_postgresql() as server:
        yield server


def run_command(
    *arguments: str, database: PostgreSQL, **environ: str
) -> subprocess.CompletedProcess[str]:
    settings = {"DJANGO_SETTINGS_MODULE": "novasonic.settings", "DATABASE_URL": database.url}
    return run_manage(*arguments, environ={**os.environ, **settings, **environ})


@pytest.fixture(scope="module")
def migrated(postgresql: PostgreSQL) -> PostgreSQL:
    """The database after the documented commands: `migrate`, `createsuperuser`."""
    username, password = CREDENTIALS
    for arguments in (
        ("migrate", "--no-input"),
        ("migrate", "--no-input"),  # safe to run again
        ("createsuperuser", "--no-input", "--username", username, "--email", "a@example.com"),
    ):
        ended = run_command(*arguments, database=postgresql, DJANGO_SUPERUSER_PASSWORD=password)
        assert ended.returncode == 0, ended.stderr
    return postgresql


def test_migrate_creates_tables_and_roles(migrated: PostgreSQL) -> None:
    with psycopg.connect(migrated.url) as connection:
        roles = connection.execute("SELECT name FROM auth_group ORDER BY name").fetchall()

    assert ("reception",) in roles
    assert ("supervisor",) in roles
    assert run_command("migrate", "--check", database=migrated).returncode == 0


def test_login_on_one_server_is_valid_on_the_other(
    migrated: PostgreSQL, stand_in_environ: dict[str, str], tmp_path: Path
) -> None:
    environ = {**stand_in_environ, "DATABASE_URL": migrated.url}
    with ExitStack() as running:
        first, second = (running.enter_context(running_site(tmp_path, environ)) for _ in range(2))
        session = StaffSession(first.url).log_in()
        session.submit("/admin/auth/user/add/", {"username": "ana", "usable_password": "false"})
        moved = StaffSession(second.url, cookies=session.cookies.values())
        status, page = moved.request("/admin/auth/user/?q=ana")

    assert status == 200
    assert "ana" in page
    assert not (tmp_path / "site.sqlite3").exists()


def test_closed_connection_lets_a_serverless_database_pause(
    migrated: PostgreSQL, run_site: SiteRunner
) -> None:
    with run_site(DATABASE_URL=migrated.url) as site:
        StaffSession(site.url).log_in()
        with psycopg.connect(migrated.url) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = 'site' AND pid <> pg_backend_pid()"
            ).fetchone()

    assert row == (0,)


async def test_calls_and_open_reads_survive_an_outage(
    run_site: SiteRunner, demo_data: datetime
) -> None:
    with running_postgresql() as database:
        assert run_command("migrate", "--no-input", database=database).returncode == 0
        with run_site(DATABASE_URL=database.url) as site:
            database.stop()

            async with open_client(site.ws_url) as client:
                await client.converse("Consulta el pedido número 1 con DNI 12345678")
            assert site.get("/orders")[0] == 200
            assert site.get("/health")[0] == 200

            browser = {
                "Accept": "text/html",
                "Cookie": "sessionid=0123456789abcdef",
                "Accept-Language": "es",
            }
            status, page = StaffSession(site.url).request("/admin/", headers=browser)
            assert status == 503
            assert "registros" in page
            program = {"Cookie": "sessionid=0123456789abcdef", "Accept": "application/json"}
            status, body = StaffSession(site.url).request("/orders", headers=program)
            assert (status, '"code":"unavailable"' in body) == (503, True)

            database.start()
            assert StaffSession(site.url).request("/admin/login/")[0] == 200


def test_unreachable_database_ends_a_command_with_one_line(postgresql: PostgreSQL) -> None:
    nowhere = PostgreSQL(1, postgresql.data, postgresql.bin)

    ended = run_command("migrate", "--no-input", database=nowhere)

    assert ended.returncode == 1
    assert ended.stderr.startswith("CommandError: The SQL database: connection failed")
    assert "See DATABASE_URL" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_address_of_another_kind_is_refused_without_its_password() -> None:
    url = "mysql://user:do-not-show@host/name"
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "novasonic.settings", "DATABASE_URL": url}

    ended = run_manage("check", environ=environ)

    assert ended.returncode == 1
    assert "DATABASE_URL: " in ended.stderr
    assert "do-not-show" not in ended.stderr
