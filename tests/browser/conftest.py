"""Whoever stands before a browser: a customer at the page, or Lucía of reception, logged in.

The customer's server is a peer that does on command what a server may do; the staff's is the site itself.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext

from tests.browser.chromium import chromium
from tests.browser.customer import Customer, customer_at
from tests.browser.sounds import babble, write_wave
from tests.browser.staff import logged_in, make_staff
from tests.browser.wire_peer import WirePeer, wire_peer
from tests.fixtures.site import Site


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BrowserContext]:
    path = tmp_path_factory.mktemp("sounds") / "microphone.wav"
    microphone = babble(48_000, 4, seed=1)
    async with chromium(write_wave(path, microphone, 48_000)) as context:
        yield context


@pytest_asyncio.fixture(loop_scope="module")
async def peer() -> AsyncIterator[WirePeer]:
    async with wire_peer() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def customer(browser: BrowserContext, peer: WirePeer) -> AsyncIterator[Customer]:
    async with customer_at(browser, peer.url) as somebody:
        yield somebody


@pytest.fixture(scope="module")
def staffed_site(site: Site, stand_in_environ: dict[str, str]) -> Site:
    make_staff(site, stand_in_environ)
    return site


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def staff_browser(staffed_site: Site) -> AsyncIterator[BrowserContext]:
    async with logged_in(staffed_site, "lucia") as context:
        yield context
