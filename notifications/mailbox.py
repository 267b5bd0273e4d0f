"""A folder instead of a mail server (`EMAIL_URL=file:var/mail`): staff read in the admin what was sent."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from functools import partial
from pathlib import Path
from typing import Any, override

from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend

from common import clock

BACKEND = "notifications.mailbox.FolderBackend"
SUFFIX = ".eml"
MAX_SHOWN = 100
_TIME_FORMAT = "%Y%m%dT%H%M%S%f"
_NAME = re.compile(rf"(\d{{8}}T\d{{12}})-[0-9a-f]{{8}}{re.escape(SUFFIX)}")


class FolderBackend(BaseEmailBackend):
    """Writes each mail to a file of its own."""

    def __init__(self, folder: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._folder = Path(folder)

    @override
    def open(self) -> bool:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return True

    @override
    def send_messages(self, email_messages: Sequence[Any]) -> int:
        self.open()
        for each in email_messages:
            name = f"{clock.now():{_TIME_FORMAT}}-{secrets.token_hex(4)}{SUFFIX}"
            unfinished = self._folder / f".{name}"
            unfinished.write_bytes(each.message(policy=policy.SMTP).as_bytes())
            unfinished.replace(self._folder / name)
        return len(email_messages)


@dataclass(frozen=True, slots=True)
class StoredEmail:
    """An e-mail in the folder."""

    name: str
    sent_at: datetime
    recipient: str
    subject: str
    text: str
    html: str
    attachments: Sequence[tuple[str, str]]
    """Name and text of each."""


def folder() -> Path | None:
    """Return the folder that the settings name instead of a mail server, or None."""
    mailer = settings.MAILERS.get("default", {})
    return Path(mailer["OPTIONS"]["folder"]) if mailer.get("BACKEND") == BACKEND else None


def list_emails(folder: Path) -> list[StoredEmail]:
    """Return the latest e-mails, the latest first."""
    names = sorted((file.name for file in folder.glob(f"[0-9]*{SUFFIX}")), reverse=True)
    found = map(partial(find_email, folder), names[:MAX_SHOWN])
    return list(filter(None, found))


def find_email(folder: Path, name: str) -> StoredEmail | None:
    """Return the e-mail of a file, or None if there is none of this name."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    try:
        content = (folder / name).read_bytes()
    except FileNotFoundError:
        return None
    email = BytesParser(policy=policy.default).parsebytes(content)
    assert isinstance(email, EmailMessage)
    return StoredEmail(
        name=name,
        sent_at=datetime.strptime(match[1], _TIME_FORMAT).replace(tzinfo=UTC),
        recipient=str(email["To"]),
        subject=str(email["Subject"]),
        text=_body(email, "plain"),
        html=_body(email, "html"),
        attachments=[(part.get_filename() or "", part.get_content()) for part in _files(email)],
    )


def _body(email: EmailMessage, kind: str) -> str:
    body = email.get_body((kind,))
    content = "" if body is None else body.get_content()
    return str(content)


def _files(email: EmailMessage) -> list[EmailMessage]:
    return list(email.iter_attachments())
