"""Endpoints and deliveries as models of Django's admin. They have no SQL tables (see `staff.records`)."""

from typing import Any, ClassVar, override

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from common.dynamodb.paging import Page
from staff.record_filter import RecordFilter
from staff.records import Record
from webhooks import services
from webhooks.domain import (
    MAX_DESCRIPTION_LENGTH,
    MAX_URL_LENGTH,
    DeliveryStatus,
    DisabledReason,
    EventType,
    PersonalData,
    Stage,
)
from webhooks.domain import Delivery as DeliveryValue
from webhooks.domain import Endpoint as EndpointValue
from webhooks.errors import DeliveryNotFoundError, EndpointNotFoundError

EVENT_LABELS = {
    EventType.APPOINTMENT_BOOKED: _("Appointment booked"),
    EventType.APPOINTMENT_MOVED: _("Appointment moved"),
    EventType.APPOINTMENT_CHANGED: _("Appointment changed otherwise"),
    EventType.APPOINTMENT_CANCELLED: _("Appointment cancelled"),
    EventType.APPOINTMENT_DELETED: _("Appointment deleted"),
    EventType.ORDER_CREATED: _("Order placed"),
    EventType.ORDER_UPDATED: _("Order changed"),
    EventType.ORDER_CANCELLED: _("Order cancelled"),
    EventType.ORDER_DELETED: _("Order deleted"),
    EventType.CALL_ENDED: _("Call ended"),
    EventType.TEST: _("Test"),
}
PERSONAL_DATA_LABELS = {
    PersonalData.NONE: _("None: only numbers of records, times and statuses"),
    PersonalData.MASKED: _("Names, e-mail addresses and notes; DNI and telephone masked"),
    PersonalData.FULL: _("All, with DNI and telephone"),
}
STATUS_LABELS = {
    DeliveryStatus.WAITING: pgettext_lazy("webhook", "Waiting"),
    DeliveryStatus.SENDING: pgettext_lazy("webhook", "Being sent"),
    DeliveryStatus.DELIVERED: pgettext_lazy("webhook", "Delivered"),
    DeliveryStatus.FAILED: pgettext_lazy("webhook", "Failed"),
}
STAGE_LABELS = {
    Stage.OPEN: pgettext_lazy("webhook", "Not delivered yet"),
    Stage.DELIVERED: pgettext_lazy("webhook", "Delivered"),
    Stage.FAILED: pgettext_lazy("webhook", "Failed"),
}
DISABLED_LABELS = {
    DisabledReason.BY_STAFF: _("Not active"),
    DisabledReason.GONE: _("Disabled: the receiver answered 410 (gone)"),
    DisabledReason.FAILING: _("Disabled: it failed for days"),
}


class EndpointSource:
    """Reads the endpoints for the admin."""

    conditions: frozenset[str] = frozenset()
    sort_fields = frozenset({"created_at"})
    email_field = None

    def find_by_id(self, record_id: str) -> "WebhookEndpoint | None":
        """Return the endpoint with this id, or None."""
        try:
            return endpoint_record(services.get_endpoint(endpoint_id=record_id))
        except EndpointNotFoundError:
            return None

    def read_page(
        self, record_filter: RecordFilter, *, cursor: str | None, limit: int
    ) -> Page["WebhookEndpoint"]:
        """Return all endpoints: there are at most ten."""
        del cursor, limit
        found = services.list_endpoints()
        if record_filter.order.startswith("-"):
            found.reverse()
        return Page(items=[endpoint_record(each) for each in found])

    def search_text(self, record: "WebhookEndpoint") -> str:
        """Return the text that a search looks in."""
        return f"{record.url} {record.description}"


class WebhookEndpoint(Record):
    """An endpoint in the admin."""

    source: ClassVar[Any] = EndpointSource()
    value: EndpointValue

    id = models.CharField(primary_key=True, max_length=64, editable=False)
    url = models.CharField(
        _("address"),
        max_length=MAX_URL_LENGTH,
        help_text=_("Where events are posted: https://example.com/webhooks."),
    )
    description = models.CharField(_("description"), max_length=MAX_DESCRIPTION_LENGTH, blank=True)
    events = models.CharField(_("events"), max_length=1000)
    personal_data = models.CharField(
        _("personal data"),
        max_length=10,
        choices=[(each.value, label) for each, label in PERSONAL_DATA_LABELS.items()],
        default=PersonalData.NONE.value,
        help_text=_("What the receiver gets to know about customers."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("added on"), null=True, editable=False)
    updated_at = models.DateTimeField(_("last change"), null=True, editable=False)

    class Meta(Record.Meta):
        """Names and order."""

        abstract = False
        ordering: ClassVar = ["created_at"]
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")

    @override
    def __str__(self) -> str:
        return self.description or self.url or self.id


def endpoint_record(endpoint: EndpointValue) -> WebhookEndpoint:
    """Return the endpoint as a record of the admin."""
    record: WebhookEndpoint = WebhookEndpoint.from_stored(
        id=endpoint.id,
        url=endpoint.url,
        description=endpoint.description,
        events=",".join(each.value for each in EventType if each in endpoint.events),
        personal_data=endpoint.personal_data.value,
        is_active=endpoint.is_active,
        created_at=endpoint.created_at,
        updated_at=endpoint.updated_at,
    )
    record.value = endpoint
    return record


class DeliverySource:
    """Reads deliveries for the admin."""

    conditions = frozenset({"stage", "endpoint_id"})
    sort_fields = frozenset({"due_at"})
    email_field = None

    def find_by_id(self, record_id: str) -> "WebhookDelivery | None":
        """Return the delivery with this id, or None."""
        try:
            return delivery_record(services.get_delivery(delivery_id=record_id))
        except DeliveryNotFoundError:
            return None

    def read_page(
        self, record_filter: RecordFilter, *, cursor: str | None, limit: int
    ) -> Page["WebhookDelivery"]:
        """Return a page of deliveries by time."""
        stage = record_filter.value_of("stage")
        endpoint_id = record_filter.value_of("endpoint_id")
        page = services.list_deliveries(
            endpoint_ids=None if endpoint_id is None else [endpoint_id],
            stages=tuple(Stage) if stage is None else [Stage(stage)],
            oldest_first=record_filter.order == "due_at",
            limit=limit,
            cursor=cursor,
        )
        return page.map(delivery_record)

    def search_text(self, record: "WebhookDelivery") -> str:
        """Return the text that a search looks in."""
        return f"{record.event} {record.record_id} {record.webhook_id}"


class WebhookDelivery(Record):
    """A delivery in the admin."""

    source: ClassVar[Any] = DeliverySource()
    value: DeliveryValue

    id = models.CharField(primary_key=True, max_length=255, editable=False)
    webhook_id = models.CharField("webhook-id", max_length=40, editable=False)
    event = models.CharField(_("event"), max_length=40, editable=False)
    record_id = models.CharField(_("number"), max_length=64, editable=False)
    endpoint_id = models.CharField(_("webhook"), max_length=64, editable=False)
    stage = models.CharField(_("status"), max_length=10, editable=False)
    attempts = models.PositiveIntegerField(_("attempts"), editable=False)
    due_at = models.DateTimeField(_("next attempt or end"), editable=False)
    created_at = models.DateTimeField(_("added"), editable=False)
    updated_at = models.DateTimeField(_("last change"), editable=False)

    class Meta(Record.Meta):
        """Names and order."""

        abstract = False
        ordering: ClassVar = ["-due_at"]
        verbose_name = _("delivery of a webhook")
        verbose_name_plural = _("deliveries of webhooks")

    @override
    def __str__(self) -> str:
        return f"{self.event} {self.record_id}"


def delivery_record(delivery: DeliveryValue) -> WebhookDelivery:
    """Return the delivery as a record of the admin."""
    record: WebhookDelivery = WebhookDelivery.from_stored(
        id=delivery.id,
        webhook_id=delivery.webhook_id,
        event=delivery.event.value,
        record_id=delivery.record_id,
        endpoint_id=delivery.endpoint_id,
        stage=delivery.stage.value,
        attempts=delivery.attempts,
        due_at=delivery.due_at,
        created_at=delivery.created_at,
        updated_at=delivery.updated_at,
    )
    record.value = delivery
    return record
