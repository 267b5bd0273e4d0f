"""Typed conversations of difficult customers: the store ends as it should, and in no other way.

They were written, and judged, by somebody who had read neither the dialogue's code nor the other scenes.
Changes are confirmed as in production. `end` names all changes of the store (`changes`), or the lists of
changes of which each is right (`any_changes`): see `store`.
"""

import asyncio
import os
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import orders.demo
from common import clock
from nova_sonic_simulator.scenes import Outcome, Scene, load_scenes, play
from nova_sonic_simulator.testing import RunningSimulator
from tests.fixtures.site import Site
from tests.scenes.conftest import SCALES, SCENE, WAYS
from tests.scenes.customers.store import StoreCheck, with_dates
from tests.scenes.driver import SiteDriver
from voice import pcm
from voice.cli.client import CallClient

pytestmark = [pytest.mark.speech, pytest.mark.timeout(400)]

SCENES = load_scenes(Path(__file__).parent)
CONVERSATIONS = os.environ.get("SCENE_CONVERSATIONS", "")
"""A folder into which each conversation is written, to be read and judged by a person; or none."""


@pytest.fixture(scope="module", params=[way for way in WAYS if way == "text"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def scene_environ() -> dict[str, str]:
    return {"CONFIRM_CHANGES": "true"}


class CheckedSiteDriver(SiteDriver):
    """Plays a typed conversation on the running site, and checks all of the store."""

    check: StoreCheck

    async def prepare(self) -> None:
        await super().prepare()
        self.check = await asyncio.to_thread(StoreCheck, clock.now())

    async def say(self, text: str) -> Outcome:
        outcome = await super().say(text)
        self.check.record(text, outcome)
        return outcome

    async def differences(self, end: Mapping[str, Any]) -> list[str]:
        return await asyncio.to_thread(self.check.differences, end)


@pytest.mark.parametrize("scene", SCENES, ids=[scene.id for scene in SCENES])
async def test_difficult_customer_on_the_site_changes_only_what_they_want(
    scene: Scene,
    way: str,
    scene_site: Site,
    scene_simulator: RunningSimulator,
    empty_tables: str,
    demo_data: datetime,
    record_property: pytest.Function,
) -> None:
    del empty_tables  # no lock of an identity, no message of another scene
    orders.demo.seed_products(now=demo_data)
    started = time.monotonic()
    client = CallClient(scene_site.ws_url, rate_hz=pcm.INPUT_RATE_HZ, on_event=lambda _: None)
    driver = CheckedSiteDriver(client, scene_simulator, speak=None, scale=SCALES[way])
    await driver.prepare()
    async with client.connected():
        problems = await play(with_dates(scene, now=demo_data), driver)
    if CONVERSATIONS:
        (Path(CONVERSATIONS) / f"{scene.id}.txt").write_text(
            "\n".join([*driver.check.conversation, *problems, ""])
        )
    seconds = round(time.monotonic() - started, 1)
    record_property(SCENE, [way, scene.id, seconds, problems])  # type: ignore[operator]  # the fixture has no type
    assert not problems
