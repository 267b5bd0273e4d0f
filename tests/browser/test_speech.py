"""A spoken turn on the real site: the microphone plays a recording, the loudspeaker is recorded."""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import expect

from nova_sonic_simulator.testing import RunningSimulator
from tests.browser.audio_signals import audible_duration_s, read_wave, write_wave
from tests.browser.chromium import get_recording, run_chromium, save_screenshot
from tests.browser.customer import Customer, open_page
from tests.fixtures.site import Site, running_site

pytestmark = [
    pytest.mark.browser,
    pytest.mark.speech,
    pytest.mark.asyncio(loop_scope="module"),
]

SAMPLE = Path(__file__).parents[2] / "samples" / "consulta-pedido-1.wav"
PAUSE_BEFORE_S, PAUSE_AFTER_S = 1.5, 1.0
REPLY_TIMEOUT_MS = 90_000


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
    samples, rate_hz = read_wave(SAMPLE)
    padded = np.pad(samples, (int(PAUSE_BEFORE_S * rate_hz), int(PAUSE_AFTER_S * rate_hz)))
    return write_wave(tmp_path / "microphone.wav", padded, rate_hz)


@pytest_asyncio.fixture(loop_scope="module")
async def customer(
    microphone: Path, hearing_site: Site, demo_data: datetime
) -> AsyncIterator[Customer]:
    async with (
        run_chromium(microphone, play_once=True) as browser,
        open_page(browser, hearing_site.url) as somebody,
    ):
        yield somebody


async def test_spoken_question_is_recognised_and_answered_aloud(customer: Customer) -> None:
    await customer.call_button.click()
    await expect(customer.status).to_have_text("Escuchando")
    await expect(customer.page.locator(".entry-user")).to_contain_text(
        "pedido", timeout=REPLY_TIMEOUT_MS
    )
    await expect(customer.transcript).to_contain_text("Pedido consultado", timeout=REPLY_TIMEOUT_MS)
    await customer.until_status_shown("Hablando")
    await save_screenshot(customer.page, "site-spoken")
    await expect(customer.status).to_have_text("Escuchando", timeout=REPLY_TIMEOUT_MS)
    await expect(customer.page.locator(".entry-assistant").last).to_contain_text("pendiente")
    output, rate_hz = await get_recording(customer.page)
    assert audible_duration_s(output, rate_hz, threshold=1e-3) > 0.5
    await save_screenshot(customer.page, "site-spoken-answered")
