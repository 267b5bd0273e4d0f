"""`make scenes`: from a question, typed or spoken, to the local mailbox, on the running site with its mail worker."""

import time
import urllib.request
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from nova_sonic_simulator.scenes import Scene, load_scenes, play
from nova_sonic_simulator.testing import RunningSimulator
from tests.fixtures.python_processes import run_manage
from tests.fixtures.site import Site
from tests.scenes.conftest import SCALES, SCENE
from tests.scenes.driver import SiteDriver
from tests.scenes.mail.mailbox import Mailbox, MailboxDriver
from tests.scenes.test_scenes import speak_for
from voice import pcm
from voice.cli.client import CallClient

pytestmark = [pytest.mark.speech, pytest.mark.timeout(400)]

SCENES = load_scenes(Path(__file__).parent)


@pytest.fixture(scope="module")
def mail_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mailbox")


@pytest.fixture(scope="module")
def scene_environ(mail_folder: Path) -> dict[str, str]:
    return {
        "EMAIL_FROM": "Turnos <turnos@localhost.localdomain>",
        "EMAIL_URL": f"file:{mail_folder}",
        "VOICE_BOOKING_HOLD_MINUTES": "120",
        "SITE_URL": "http://localhost:8081",  # only the path of a link is used
        "CONFIRM_CHANGES": "true",
    }


def send_messages(site: Site) -> None:
    run_manage("send_messages", "--once", environ=site.environ).check_returncode()


def press_button(site: Site, path: str) -> None:
    with urllib.request.urlopen(site.url + path, data=b"", timeout=60) as answer:
        assert "Listo" in answer.read().decode()


@pytest.mark.parametrize("scene", SCENES, ids=[scene.id for scene in SCENES])
async def test_scene_ends_in_the_mailbox(
    scene: Scene,
    way: str,
    scene_site: Site,
    scene_simulator: RunningSimulator,
    mail_folder: Path,
    empty_tables: str,
    demo_data: datetime,
    record_property: pytest.Function,
) -> None:
    del empty_tables, demo_data
    started = time.monotonic()
    client = CallClient(scene_site.ws_url, rate_hz=pcm.INPUT_RATE_HZ, on_event=lambda _: None)
    driver = SiteDriver(client, scene_simulator, speak=speak_for(way), scale=SCALES[way])
    mailbox = Mailbox(
        mail_folder,
        send=partial(send_messages, scene_site),
        press=partial(press_button, scene_site),
    )
    await driver.prepare()
    async with client.connected():
        problems = await play(scene, MailboxDriver(driver, mailbox))
    if problems and way == "voice":
        problems.append(f"heard: {driver.transcripts}")
    seconds = round(time.monotonic() - started, 1)
    record_property(SCENE, [way, scene.id, seconds, problems])  # type: ignore[operator]  # the fixture has no type
    assert not problems
