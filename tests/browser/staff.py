"""Staff at their desk: who they are, how they log in, and a tab whose console must stay clean."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import BrowserContext, Page, expect

from tests.browser.chromium import chromium
from tests.fixtures.site import Site

ROOT = Path(__file__).parents[2]
PASSWORD = "una-clave-larga-de-prueba"
STAFF = {"lucia": ("Lucía", "reception"), "raul": ("Raúl", "supervisor")}
MAKE_STAFF = f"""
from django.contrib.auth.models import Group, User
for username, (first_name, role) in {STAFF!r}.items():
    if not User.objects.filter(username=username).exists():
        user = User.objects.create_user(
            username, password="{PASSWORD}", is_staff=True, first_name=first_name
        )
        user.groups.add(Group.objects.get(name=role))
"""


def make_staff(site: Site, stand_in_environ: dict[str, str]) -> None:
    """Give the site its SQL tables, the roles, Lucía of reception and Raúl, who supervises."""
    environ = {
        **os.environ,
        **stand_in_environ,
        "DJANGO_SETTINGS_MODULE": "novasonic.settings",
        "SQLITE_PATH": str(site.log.parent / "site.sqlite3"),
    }
    for arguments in (["migrate", "--verbosity", "0"], ["shell", "--no-imports", "-c", MAKE_STAFF]):
        command = [sys.executable, "manage.py", *arguments]
        subprocess.run(command, cwd=ROOT, env=environ, check=True)


@asynccontextmanager
async def logged_in(site: Site, username: str) -> AsyncIterator[BrowserContext]:
    """Run a browser in which somebody has logged in."""
    async with chromium() as context:
        page = await context.new_page()
        await page.goto(f"{site.url}/admin/")
        await page.get_by_label("Nombre de usuario").fill(username)
        await page.get_by_label("Contraseña").fill(PASSWORD)
        await page.get_by_role("button", name="Iniciar sesión").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Hoy")
        await page.close()
        yield context


@asynccontextmanager
async def clean_tab(context: BrowserContext) -> AsyncIterator[Page]:
    """Open a tab whose console must stay clean: no script error, nothing the policy forbids."""
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    yield page
    await page.close()
    assert complaints == []
