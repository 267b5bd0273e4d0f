"""Somebody at the page, against a peer that does on command what a server may do."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext

from tests.browser.chromium import chromium
from tests.browser.customer import Customer, customer_at
from tests.browser.sounds import babble, write_wave
from tests.browser.wire_peer import WirePeer, wire_peer


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
