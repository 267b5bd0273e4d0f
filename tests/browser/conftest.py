"""Fixtures: a customer at a page of the fake server, and staff logged in to the real site."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, expect

from tests.browser.audio_signals import make_speech_like_noise, write_wave
from tests.browser.chromium import run_chromium
from tests.browser.customer import Customer, open_page
from tests.browser.fake_server import FakeServer, run_fake_server
from tests.browser.staff import create_staff_users, log_in
from tests.fixtures.site import Site

expect.set_options(timeout=60_000)
"""A net against hanging: what a page shows depends on how busy the machine is."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BrowserContext]:
    path = tmp_path_factory.mktemp("audio") / "microphone.wav"
    microphone = make_speech_like_noise(48_000, 4, seed=1)
    async with run_chromium(write_wave(path, microphone, 48_000)) as context:
        yield context


@pytest_asyncio.fixture(loop_scope="module")
async def server() -> AsyncIterator[FakeServer]:
    async with run_fake_server() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def customer(browser: BrowserContext, server: FakeServer) -> AsyncIterator[Customer]:
    async with open_page(browser, server.url) as somebody:
        yield somebody


@pytest.fixture(scope="module")
def staffed_site(site: Site, stand_in_environ: dict[str, str]) -> Site:
    create_staff_users(site, stand_in_environ)
    return site


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def staff_browser(staffed_site: Site) -> AsyncIterator[BrowserContext]:
    async with log_in(staffed_site, "lucia") as context:
        yield context
