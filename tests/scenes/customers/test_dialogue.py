"""The conversations of difficult customers on the dialogue alone, with the server's tools and their store."""

import os
from datetime import datetime
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

import appointments.demo
import orders.demo
from nova_sonic_simulator.scenes import Scene, load_scenes, play
from tests.fixtures.site import DOCTORS
from tests.scenes.customers.dialogue_driver import DialogueDriver
from tests.scenes.customers.store import with_dates
from tests.scenes.driver import CLINIC

pytestmark = [pytest.mark.store]

SCENES = load_scenes(Path(__file__).parent)
CONVERSATIONS = os.environ.get("SCENE_CONVERSATIONS", "")


NOW = datetime(2026, 11, 30, 10, tzinfo=CLINIC)


@pytest.mark.parametrize("scene", SCENES, ids=[scene.id for scene in SCENES])
async def test_difficult_customer_changes_only_what_they_want(
    scene: Scene, empty_tables: str, settings: Settings
) -> None:
    del empty_tables  # no lock of an identity, no message of another scene
    settings.CLINIC_DOCTORS = DOCTORS.split(", ")
    settings.CLINIC_HOLIDAYS = "AR"
    settings.ORDER_CATALOGUE = "required"
    orders.demo.seed(now=NOW)
    orders.demo.seed_products(now=NOW)
    appointments.demo.seed(now=NOW)
    driver = DialogueDriver(model=settings.NOVA_SONIC_MODEL_ID, now=NOW)
    problems = await play(with_dates(scene, now=NOW), driver)
    if CONVERSATIONS:
        (Path(CONVERSATIONS) / f"{scene.id}.txt").write_text(
            "\n".join([*driver.check.conversation, *problems, ""])
        )
    assert not problems
