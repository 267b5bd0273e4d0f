"""The local mailbox at the end of a scene: which e-mails came, and what their links do."""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from icalendar import Calendar

from notifications.mailbox import StoredEmail, list_emails
from nova_sonic_simulator.scenes import Driver, Outcome
from tests.scenes.driver import read_end_state


class Mailbox:
    """A folder of e-mails.

    Attributes:
        folder: Where the worker puts the e-mails.
        send: Lets the worker send what is due.
        press: Presses the button of a link's page, whose path it gets.

    """

    def __init__(
        self, folder: Path, *, send: Callable[[], object], press: Callable[[str], object]
    ) -> None:
        self.folder = folder
        self.send = send
        self.press = press
        self._known = {each.name for each in list_emails(folder)}

    def differences(self, wanted: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        """Yield how the e-mails that came differ from the wanted ones, pressing their links on the way."""
        for number, each in enumerate(wanted, start=1):
            new = self._receive()
            if len(new) != 1:
                yield f"mail {number}: {len(new)} came: {[mail.subject for mail in new]}"
                return
            yield from (f"mail {number}: {problem}" for problem in _differences(new[0], each))
            if action := each.get("press"):
                self.press(_link_path(new[0], action))
        if more := self._receive():
            yield f"more mails came: {[mail.subject for mail in more]}"

    def _receive(self) -> list[StoredEmail]:
        self.send()
        new = [each for each in list_emails(self.folder) if each.name not in self._known]
        self._known |= {each.name for each in new}
        return new


def _differences(mail: StoredEmail, wanted: Mapping[str, Any]) -> Iterator[str]:
    if mail.recipient != wanted["to"]:
        yield f"it went to {mail.recipient}"
    if not mail.subject.startswith(wanted["subject"]):
        yield f"its subject is {mail.subject}"
    for text in wanted["text"]:
        if text not in mail.text:
            yield f"its text has no {text!r}: {mail.text}"
    statuses = [
        str(event["STATUS"])
        for _, content in mail.attachments
        for event in Calendar.from_ical(content).walk("VEVENT")
    ]
    if statuses != [wanted["calendar"]]:
        yield f"its calendar file says {statuses}"


def _link_path(mail: StoredEmail, action: str) -> str:
    match = re.search(rf"https?://\S+/turno/\S+/{action}", mail.text)
    assert match, mail.text
    return urlsplit(match[0]).path


class MailboxDriver:
    """Plays a customer by another driver, and checks the mailbox and the store at the end."""

    def __init__(self, driver: Driver, mailbox: Mailbox) -> None:
        self._driver = driver
        self._mailbox = mailbox

    async def say(self, text: str) -> Outcome:
        return await self._driver.say(text)

    async def interrupt(self, text: str) -> Outcome:
        return await self._driver.interrupt(text)

    async def wait(self, seconds: float) -> Outcome:
        return await self._driver.wait(seconds)

    async def inject_fault(self, fault: Mapping[str, Any]) -> None:
        await self._driver.inject_fault(fault)

    async def differences(self, end: Mapping[str, Any]) -> list[str]:
        return await asyncio.to_thread(self._differences, end)

    def _differences(self, end: Mapping[str, Any]) -> list[str]:
        return [
            *self._mailbox.differences(end["mails"]),
            *read_end_state().differences(end),
        ]
