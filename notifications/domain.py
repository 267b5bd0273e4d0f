"""A message of the outbox: its states, and when it is tried again. Pure.

```
waiting ──► claimed ──► sending ──► sent
   ▲           │           ├──► failed      refused for good, or tried too often
   └───────────┴───────────┤
                           └──► uncertain   the worker ended after it had begun to send
claimed ──► obsolete                        what it says is no longer true
```
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from common.timestamps import next_version

LEASE = timedelta(minutes=10)
"""After how long without news a worker that works on a message counts as ended."""
FIRST_DELAY, LONGEST_DELAY = timedelta(minutes=1), timedelta(hours=4)
LIFETIME = timedelta(days=30)
"""How long a message is stored after its last change."""
MAX_ERROR_LENGTH = 200
ID_SEPARATOR = "~"


class MessageStatus(StrEnum):
    """Where a message is on its way."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    """A worker prepares it; nothing has left yet."""
    SENDING = "sending"
    """A worker gives it to the mail server."""
    SENT = "sent"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    """It may have been sent or not: the worker ended in between, or a backup was restored.

    It is not sent again by itself.
    """
    OBSOLETE = "obsolete"


UNFINISHED = (MessageStatus.WAITING, MessageStatus.CLAIMED, MessageStatus.SENDING)
"""What a worker looks for."""
RECIPIENT_REFUSED = "recipient refused"
"""With what the error begins if the mail server refused the address."""
NEEDS_STAFF = (MessageStatus.FAILED, MessageStatus.UNCERTAIN)
UNDER_WAY = frozenset({MessageStatus.CLAIMED, MessageStatus.SENDING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One e-mail about one event of a record.

    Attributes:
        record_type: The kind of record, such as `appointment`; it has a renderer.
        record_id: The record's id.
        event: What happened to it, such as `booked`.
        version: Tells the events of one record apart, such as its `updated_at`.
        recipient: The address it goes to.
        content: What the renderer needs besides the record, as JSON.
        status: Where it is on its way.
        due_at: When a worker looks at it next: the next attempt, or the end of the worker's lease. For
            one that is finished, when that was.
        attempts: How often it was tried since it last began to wait.
        resends: How often staff have sent it again after it had been sent.
        error: Why the last attempt failed; empty if none did.
        created_at: When it was added.
        updated_at: When it last changed; the version of the message itself.
        sent_at: When the mail server accepted it.

    """

    record_type: str
    record_id: str
    event: str
    version: str
    recipient: str
    content: Mapping[str, str] = field(default_factory=dict)
    status: MessageStatus = MessageStatus.WAITING
    due_at: datetime
    attempts: int = 0
    resends: int = 0
    error: str = ""
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None = None

    @property
    def id(self) -> str:
        """The id: the same event of the same record always has the same."""
        return ID_SEPARATOR.join((self.record_type, self.record_id, self.event, self.version))

    @property
    def expires_at(self) -> datetime:
        """The time after which it is no longer stored."""
        return max(self.updated_at, self.due_at) + LIFETIME

    @property
    def is_recipient_refused(self) -> bool:
        """Whether the mail server refused its address in the last attempt, for good or not."""
        return self.error.startswith(RECIPIENT_REFUSED)

    def message_id(self, domain: str) -> str:
        """Return the header Message-ID, the same in each attempt (RFC 5322, section 3.6.4)."""
        digest = hashlib.sha256(f"{self.id}{ID_SEPARATOR}{self.resends}".encode()).hexdigest()
        return f"<{digest[:32]}@{domain}>"

    def claimed(self, *, now: datetime) -> "Message":
        """Return the message as a worker prepares it."""
        changed = replace(self, attempts=self.attempts + 1, due_at=now + LEASE)
        return _with_status(changed, MessageStatus.CLAIMED, now=now)

    def sending(self, *, now: datetime) -> "Message":
        """Return the message as it is given to the mail server."""
        return _with_status(replace(self, due_at=now + LEASE), MessageStatus.SENDING, now=now)

    def sent(self, *, now: datetime) -> "Message":
        """Return the message as the mail server has accepted it."""
        changed = replace(self, error="", due_at=now, sent_at=now)
        return _with_status(changed, MessageStatus.SENT, now=now)

    def obsolete(self, *, now: datetime) -> "Message":
        """Return the message as no longer true."""
        return _with_status(replace(self, due_at=now), MessageStatus.OBSOLETE, now=now)

    def uncertain(self, error: str, *, now: datetime) -> "Message":
        """Return the message as one of which nobody knows whether it was sent."""
        changed = replace(self, error=error[:MAX_ERROR_LENGTH], due_at=now)
        return _with_status(changed, MessageStatus.UNCERTAIN, now=now)

    def failed(self, error: str, *, now: datetime) -> "Message":
        """Return the message as one that is not tried any more."""
        changed = replace(self, error=error[:MAX_ERROR_LENGTH], due_at=now)
        return _with_status(changed, MessageStatus.FAILED, now=now)

    def postponed(self, error: str, *, max_attempts: int, now: datetime) -> "Message":
        """Return the message as it waits for its next attempt, or failed if that was the last."""
        if self.attempts >= max_attempts:
            return self.failed(error, now=now)
        due_at = now + delay_after(self.attempts)
        changed = replace(self, error=error[:MAX_ERROR_LENGTH], due_at=due_at)
        return _with_status(changed, MessageStatus.WAITING, now=now)

    def sent_again(self, *, now: datetime) -> "Message":
        """Return the message as it waits to be sent once more, at once.

        If it had been sent, it gets another Message-ID: mailboxes may hide a second mail with the same.
        """
        resends = self.resends + (self.status is MessageStatus.SENT)
        changed = replace(self, resends=resends, attempts=0, error="", due_at=now)
        return _with_status(changed, MessageStatus.WAITING, now=now)


def _with_status(message: Message, status: MessageStatus, *, now: datetime) -> Message:
    return replace(message, status=status, updated_at=next_version(message.updated_at, now))


def delay_after(attempts: int) -> timedelta:
    """Return how long a message waits after so many attempts: each time twice as long, up to a limit."""
    doublings = min(max(attempts, 1) - 1, 10)
    return min(FIRST_DELAY * (1 << doublings), LONGEST_DELAY)


def mask_address(address: str) -> str:
    """Return an e-mail address as logs contain it: `a***@example.com`."""
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}***@{domain}"
