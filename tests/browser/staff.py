"""Staff users of the site: create them, log them in, and open pages for them."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import BrowserContext, Page, expect

from tests.browser.chromium import run_chromium
from tests.fixtures.python_processes import run_manage
from tests.fixtures.site import Site

ROOT = Path(__file__).parents[2]
PASSWORD = "una-clave-larga-de-prueba"
STAFF = {"lucia": ("Lucía", "reception"), "raul": ("Raúl", "supervisor")}
CREATE_STAFF = f"""
from django.contrib.auth.models import Group, User
from django.core.management import call_command
call_command("migrate", verbosity=0)
for username, (first_name, role) in {STAFF!r}.items():
    if not User.objects.filter(username=username).exists():
        user = User.objects.create_user(
            username, password="{PASSWORD}", is_staff=True, first_name=first_name
        )
        user.groups.add(Group.objects.get(name=role))
"""


def create_staff_users(site: Site, stand_in_environ: dict[str, str]) -> None:
    """Create the SQL tables, the roles, and two users: Lucía (reception) and Raúl (supervisor)."""
    environ = {
        **os.environ,
        **stand_in_environ,
        "DJANGO_SETTINGS_MODULE": "novasonic.settings",
        "SQLITE_PATH": str(site.log.parent / "site.sqlite3"),
    }
    run_manage("shell", "--no-imports", "-c", CREATE_STAFF, environ=environ).check_returncode()


@asynccontextmanager
async def log_in(site: Site, username: str) -> AsyncIterator[BrowserContext]:
    """Run a browser in which this user is logged in."""
    async with run_chromium() as context:
        page = await context.new_page()
        await page.goto(f"{site.url}/admin/")
        await page.get_by_label("Nombre de usuario").fill(username)
        await page.get_by_label("Contraseña").fill(PASSWORD)
        await page.get_by_role("button", name="Iniciar sesión").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Hoy")
        await page.close()
        yield context


@asynccontextmanager
async def open_staff_page(context: BrowserContext) -> AsyncIterator[Page]:
    """Open a page; at the end, fail if its console shows errors or policy violations."""
    page = await context.new_page()
    console_errors: list[str] = []

    def record_message(kind: str, text: str) -> None:
        if kind == "error":
            console_errors.append(text)

    page.on("pageerror", lambda error: console_errors.append(str(error)))
    page.on("console", lambda message: record_message(message.type, message.text))
    yield page
    await page.close()
    assert console_errors == []
