"""Messages as a model of Django's admin. It has no SQL table (see `staff.records`)."""

from typing import Any, ClassVar, override

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from common.dynamodb.paging import Page
from notifications import services
from notifications.domain import Message as MessageValue
from notifications.domain import MessageStatus
from notifications.errors import MessageNotFoundError
from staff.record_filter import RecordFilter
from staff.records import Record

STATUS_LABELS = {
    MessageStatus.WAITING: pgettext_lazy("e-mail", "Waiting"),
    MessageStatus.CLAIMED: pgettext_lazy("e-mail", "Being prepared"),
    MessageStatus.SENDING: pgettext_lazy("e-mail", "Being sent"),
    MessageStatus.SENT: pgettext_lazy("e-mail", "Sent"),
    MessageStatus.FAILED: pgettext_lazy("e-mail", "Not sent"),
    MessageStatus.UNCERTAIN: pgettext_lazy("e-mail", "Uncertain"),
    MessageStatus.OBSOLETE: pgettext_lazy("e-mail", "Not needed any more"),
}
EVENT_LABELS = {
    "reserved": pgettext_lazy("e-mail", "Reserved, to be confirmed"),
    "booked": pgettext_lazy("e-mail", "Booked"),
    "moved": pgettext_lazy("e-mail", "Moved"),
    "cancelled": pgettext_lazy("e-mail", "Cancelled"),
    "lapsed": pgettext_lazy("e-mail", "Not confirmed in time"),
    "reminder": pgettext_lazy("e-mail", "Reminder"),
    "offer": pgettext_lazy("e-mail", "Offered"),
}


def event_label(event: str) -> str:
    """Return what a message is about, as staff read it."""
    return str(EVENT_LABELS.get(event, event))


class MessageSource:
    """Reads messages for the admin from `notifications.services`."""

    conditions = frozenset({"status"})
    sort_fields = frozenset({"due_at"})
    email_field = None

    def find_by_id(self, record_id: str) -> "Message | None":
        """Return the message with this id, or None."""
        try:
            return message_record(services.get_message(message_id=record_id))
        except MessageNotFoundError:
            return None

    def read_page(
        self, record_filter: RecordFilter, *, cursor: str | None, limit: int
    ) -> Page["Message"]:
        """Return a page of messages by time."""
        status = record_filter.value_of("status")
        page = services.list_messages(
            statuses=tuple(MessageStatus) if status is None else [MessageStatus(status)],
            oldest_first=record_filter.order == "due_at",
            limit=limit,
            cursor=cursor,
        )
        return page.map(message_record)

    def search_text(self, record: "Message") -> str:
        """Return the text that a search looks in."""
        return f"{record.recipient} {record.record_id} {event_label(record.event)}"


class Message(Record):
    """A message in the admin."""

    source: ClassVar[Any] = MessageSource()
    value: MessageValue

    id = models.CharField(primary_key=True, max_length=200, editable=False)
    event = models.CharField(_("about"), max_length=40, editable=False)
    record_id = models.CharField(_("number"), max_length=64, editable=False)
    recipient = models.EmailField(_("recipient"), editable=False)
    status = models.CharField(_("status"), max_length=12, editable=False)
    attempts = models.PositiveIntegerField(_("attempts"), editable=False)
    error = models.CharField(_("last error"), max_length=200, editable=False)
    due_at = models.DateTimeField(_("next attempt or end"), editable=False)
    created_at = models.DateTimeField(_("added"), editable=False)
    updated_at = models.DateTimeField(_("last change"), editable=False)

    class Meta(Record.Meta):
        """Names and order."""

        abstract = False
        ordering: ClassVar = ["-due_at"]
        verbose_name = _("e-mail")
        verbose_name_plural = _("e-mails")

    @override
    def __str__(self) -> str:
        return str(
            _("E-mail “%(event)s” of %(number)s")
            % {"event": event_label(self.event), "number": self.record_id}
        )


def message_record(message: MessageValue) -> Message:
    """Return the message as a record of the admin."""
    record: Message = Message.from_stored(
        id=message.id,
        event=message.event,
        record_id=message.record_id,
        recipient=message.recipient,
        status=message.status.value,
        attempts=message.attempts,
        error=message.error,
        due_at=message.due_at,
        created_at=message.created_at,
        updated_at=message.updated_at,
    )
    record.value = message
    return record
