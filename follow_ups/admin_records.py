"""Records of follow-ups for Django's admin, without SQL tables; see `staff.records`."""

from typing import Any, ClassVar, override

from django.db import models
from django.utils.translation import gettext_lazy as _

from common.clock import now
from common.contact import MAX_NAME_LENGTH, MAX_PHONE_LENGTH
from common.dynamodb.paging import Page
from follow_ups import domain, services
from follow_ups.domain import MAX_MESSAGE_LENGTH, MAX_NOTE_LENGTH, FollowUpStatus
from follow_ups.errors import FollowUpNotFoundError
from staff.record_filter import RecordFilter
from staff.records import Record

STATUS_LABELS = {
    FollowUpStatus.OPEN: _("To answer"),
    FollowUpStatus.DONE: _("Answered"),
}


class FollowUpSource:
    """Reads follow-ups through `follow_ups.services`."""

    conditions = frozenset({"status"})
    sort_fields = frozenset({"created_at"})
    email_field = None

    def find_by_id(self, record_id: str) -> "FollowUp | None":
        """Return a follow-up, or None."""
        try:
            return follow_up_record(services.get_follow_up(follow_up_id=record_id, now=now()))
        except FollowUpNotFoundError:
            return None

    def read_page(
        self, record_filter: RecordFilter, *, cursor: str | None, limit: int
    ) -> Page["FollowUp"]:
        """Return one page of follow-ups by time of creation."""
        status = record_filter.value_of("status")
        page = services.list_follow_ups(
            statuses=tuple(FollowUpStatus) if status is None else [FollowUpStatus(status)],
            oldest_first=record_filter.order == "created_at",
            now=now(),
            limit=limit,
            cursor=cursor,
        )
        return page.map(follow_up_record)

    def search_text(self, record: "FollowUp") -> str:
        """Return the text that a search looks in."""
        fields = (record.customer_name, record.phone, record.email, record.message, record.note)
        return " ".join(fields)


class FollowUp(Record):
    """A follow-up in the admin."""

    source: ClassVar[Any] = FollowUpSource()
    value: domain.FollowUp

    id = models.CharField(primary_key=True, max_length=64, editable=False)
    customer_name = models.CharField(_("customer"), max_length=MAX_NAME_LENGTH)
    phone = models.CharField(_("phone number"), max_length=MAX_PHONE_LENGTH, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    message = models.TextField(_("message"), max_length=MAX_MESSAGE_LENGTH)
    status = models.CharField(
        _("status"),
        max_length=8,
        default=FollowUpStatus.OPEN.value,
        choices=[(status.value, label) for status, label in STATUS_LABELS.items()],
    )
    note = models.TextField(_("note"), max_length=MAX_NOTE_LENGTH, blank=True)
    created_at = models.DateTimeField(_("left on"), editable=False)
    updated_at = models.DateTimeField(_("last change"), editable=False)

    class Meta(Record.Meta):
        """Names and order."""

        abstract = False
        ordering: ClassVar = ["-created_at"]
        verbose_name = _("message")
        verbose_name_plural = _("messages")

    @override
    def __str__(self) -> str:
        return str(_("Message of %(name)s") % {"name": self.customer_name or self.id})


def follow_up_record(follow_up: domain.FollowUp) -> FollowUp:
    """Return the admin record of a follow-up."""
    record: FollowUp = FollowUp.from_stored(
        id=follow_up.id,
        customer_name=follow_up.customer_name,
        phone=follow_up.phone,
        email=follow_up.email,
        message=follow_up.message,
        status=follow_up.status.value,
        note=follow_up.note,
        created_at=follow_up.created_at,
        updated_at=follow_up.updated_at,
    )
    record.value = follow_up
    return record
