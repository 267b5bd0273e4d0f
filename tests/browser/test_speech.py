"""A spoken turn on the real site: a recording is the microphone, and the loudspeaker is heard."""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import expect

from nova_sonic_simulator.testing import RunningSimulator
from tests.browser.chromium import chromium, recording, screenshot
from tests.browser.customer import Customer, customer_at
from tests.browser.sounds import read_wave, write_wave
from tests.fixtures.site import Site, running_site

pytestmark = [
    pytest.mark.browser,
    pytest.mark.speech,
    pytest.mark.asyncio(loop_scope="module"),
]

SAMPLE = Path(__file__).parents[2] / "samples" / "consulta-pedido-1.wav"
BEFORE_S, AFTER_S = 1.5, 1.0
HEARD_WITHIN_MS = 25_000


@pytest.fixture(scope="module")
def hearing_site(
    tmp_path_factory: pytest.TempPathFactory,
    stand_in_environ: dict[str, str],
    hearing_simulator: RunningSimulator,
) -> Iterator[Site]:
    environ = {
        **stand_in_environ,
        "BEDROCK_ENDPOINT_URL": hearing_simulator.url,
        "BEDROCK_CA_FILE": str(hearing_simulator.ca_file),
    }
    with running_site(tmp_path_factory.mktemp("hearing-site"), environ) as site:
        yield site


@pytest.fixture
def microphone(tmp_path: Path) -> Path:
    """The sample, once, with a pause around it."""
    sound, rate_hz = read_wave(SAMPLE)
    padded = np.pad(sound, (int(BEFORE_S * rate_hz), int(AFTER_S * rate_hz)))
    return write_wave(tmp_path / "microphone.wav", padded, rate_hz)


@pytest_asyncio.fixture(loop_scope="module")
async def customer(
    microphone: Path, hearing_site: Site, demo_data: datetime
) -> AsyncIterator[Customer]:
    async with (
        chromium(microphone, once=True) as browser,
        customer_at(browser, hearing_site.url) as somebody,
    ):
        yield somebody


async def test_a_spoken_question_is_heard_looked_up_and_answered_aloud(customer: Customer) -> None:
    await customer.talk.click()
    await expect(customer.status).to_have_text("Escuchando")
    await expect(customer.page.locator(".entry-user")).to_contain_text(
        "pedido", timeout=HEARD_WITHIN_MS
    )
    await expect(customer.log).to_contain_text("Pedido consultado", timeout=HEARD_WITHIN_MS)
    await expect(customer.status).to_have_text("Hablando", timeout=HEARD_WITHIN_MS)
    await screenshot(customer.page, "site-spoken")
    await expect(customer.status).to_have_text("Escuchando", timeout=HEARD_WITHIN_MS)
    await expect(customer.page.locator(".entry-assistant").last).to_contain_text("pendiente")
    sound, rate_hz = await recording(customer.page)
    assert np.count_nonzero(np.abs(sound) > 1e-3) / rate_hz > 0.5
    await screenshot(customer.page, "site-spoken-answered")
