"""A folder instead of a mail server (`EMAIL_URL=file:var/mail`): staff read in the admin what was sent."""

import secrets
from collections.abc import Sequence
from email import policy
from pathlib import Path
from typing import Any, override

from django.core.mail.backends.base import BaseEmailBackend

from common import clock

SUFFIX = ".eml"


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
            name = f"{clock.now():%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}{SUFFIX}"
            unfinished = self._folder / f".{name}"
            unfinished.write_bytes(each.message(policy=policy.SMTP).as_bytes())
            unfinished.replace(self._folder / name)
        return len(email_messages)
