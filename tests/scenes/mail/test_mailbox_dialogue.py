"""From a question to the mailbox on the dialogue alone, with the server's tools, store, e-mails and links."""

from datetime import datetime
from pathlib import Path

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

import appointments.demo
from common import clock
from notifications.sending import send_due_messages
from nova_sonic_simulator.scenes import Scene, load_scenes, play
from tests.fixtures.site import DOCTORS
from tests.scenes.customers.dialogue_driver import DialogueDriver
from tests.scenes.driver import CLINIC
from tests.scenes.mail.mailbox import Mailbox, MailboxDriver

pytestmark = [pytest.mark.store]

SCENES = load_scenes(Path(__file__).parent)
NOW = datetime(2026, 11, 30, 10, tzinfo=CLINIC)


@pytest.mark.parametrize("scene", SCENES, ids=[scene.id for scene in SCENES])
async def test_dialogue_ends_in_the_mailbox(
    scene: Scene,
    client: Client,
    empty_tables: str,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    del empty_tables
    monkeypatch.setattr(clock, "now", lambda: NOW)
    settings.CLINIC_DOCTORS = DOCTORS.split(", ")
    settings.CLINIC_HOLIDAYS = "AR"
    settings.EMAIL_FROM, settings.VOICE_BOOKING_HOLD_MINUTES = "turnos@example.com", 120
    settings.SITE_URL = "http://testserver"
    backend = {"BACKEND": "notifications.mailbox.FolderBackend", "OPTIONS": {"folder": tmp_path}}
    settings.MAILERS = {"default": backend}
    settings.PUBLIC_PAGE_RATE = "none"
    appointments.demo.seed(now=NOW)

    mailbox = Mailbox(tmp_path, send=lambda: send_due_messages(lambda: NOW), press=client.post)
    driver = DialogueDriver(model=settings.NOVA_SONIC_MODEL_ID, now=NOW)
    assert await play(scene, MailboxDriver(driver, mailbox)) == []
