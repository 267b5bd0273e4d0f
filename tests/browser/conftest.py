"""The site with its staff, and a browser in which Lucía of reception has logged in."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext

from tests.browser.staff import logged_in, make_staff
from tests.fixtures.site import Site


@pytest.fixture(scope="module")
def staffed_site(site: Site, stand_in_environ: dict[str, str]) -> Site:
    make_staff(site, stand_in_environ)
    return site


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def staff_browser(staffed_site: Site) -> AsyncIterator[BrowserContext]:
    async with logged_in(staffed_site, "lucia") as context:
        yield context
