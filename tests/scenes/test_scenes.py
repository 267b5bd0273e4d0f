"""Conversations on the real site, SDK and simulator, with the end state in DynamoDB."""

import time
from datetime import datetime
from pathlib import Path

import pytest

import orders.demo
from nova_sonic_simulator.scenes import Scene, load_scenes, play
from nova_sonic_simulator.testing import RunningSimulator
from tests.fixtures.site import Site
from tests.scenes.conftest import SCALES, SCENE
from tests.scenes.driver import SiteDriver, Speak
from voice import pcm
from voice.cli.client import CallClient

pytestmark = [pytest.mark.speech]

SCENES = load_scenes(Path(__file__).parent)


def speak_for(way: str) -> Speak | None:
    if way == "text":
        return None
    from nova_sonic_simulator.speech.text_to_speech import open_synthesis  # noqa: PLC0415 -- speech packages may be missing

    voice = open_synthesis().voice
    return lambda text: voice.synthesize(text, pcm.INPUT_RATE_HZ)


@pytest.mark.parametrize("scene", SCENES, ids=[scene.id for scene in SCENES])
async def test_scene_ends_as_expected(
    scene: Scene,
    way: str,
    scene_site: Site,
    scene_simulator: RunningSimulator,
    demo_data: datetime,
    record_property: pytest.Function,
) -> None:
    orders.demo.seed_products(now=demo_data)
    started = time.monotonic()
    client = CallClient(scene_site.ws_url, rate_hz=pcm.INPUT_RATE_HZ, on_event=lambda _: None)
    driver = SiteDriver(client, scene_simulator, speak=speak_for(way), scale=SCALES[way])
    await driver.prepare()
    async with client.connected():
        problems = await play(scene, driver)
    if problems and way == "voice":
        problems.append(f"heard: {driver.transcripts}")
    seconds = round(time.monotonic() - started, 1)
    record_property(SCENE, [way, scene.id, seconds, problems])  # type: ignore[operator]  # the fixture has no type
    assert not problems
