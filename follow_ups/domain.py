"""A follow-up: a message of a customer that staff answer, open until somebody has done it. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

MAX_MESSAGE_LENGTH = 500
MAX_NOTE_LENGTH = 1_000
OPEN_LIFETIME = timedelta(days=365)
"""How long an open follow-up is stored after its last change."""
DONE_LIFETIME = timedelta(days=30)
"""How long one that is done is stored after its last change."""


class FollowUpStatus(StrEnum):
    """Whether somebody has done what the customer asked for."""

    OPEN = "open"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """A message of a customer.

    Attributes:
        id: Its id.
        customer_name: Who asks.
        phone: The number to call; empty if the customer gave none.
        email: The address to write to; empty if the customer gave none.
        message: What the customer wants.
        call_id: The call in which it was left; None if staff wrote it down.
        status: Whether it is done.
        done_by: The user who did it; empty while it is open.
        note: What staff wrote about it.
        created_at: When it was left.
        updated_at: When it last changed; the version.

    """

    id: str
    customer_name: str
    message: str
    phone: str = ""
    email: str = ""
    call_id: str | None = None
    status: FollowUpStatus = FollowUpStatus.OPEN
    done_by: str = ""
    note: str = ""
    created_at: datetime
    updated_at: datetime

    @property
    def contact(self) -> str:
        """The phone number and the e-mail address, those that are known."""
        return ", ".join(filter(None, (self.phone, self.email)))

    @property
    def expires_at(self) -> datetime:
        """The time after which it is no longer stored."""
        is_open = self.status is FollowUpStatus.OPEN
        return self.updated_at + (OPEN_LIFETIME if is_open else DONE_LIFETIME)

    def with_status(self, status: FollowUpStatus, *, by: str, at: datetime) -> "FollowUp":
        """Return the follow-up with this status, which the user `by` gave it."""
        if status is self.status:
            return self
        done_by = by if status is FollowUpStatus.DONE else ""
        return replace(self, status=status, done_by=done_by, updated_at=at)
