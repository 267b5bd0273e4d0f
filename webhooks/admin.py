"""The staff admin of webhooks: endpoints with their secrets, and the log of deliveries."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, override

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common import clock
from common.errors import ConflictError, NotFoundError, RuleError, StaleVersionError
from common.rest.permissions import VIEW_DNI, VIEW_PHONE
from common.timestamps import from_iso
from staff.admin import ReadOnlyRecordAdmin, RecordAdmin
from staff.filters import ChoiceFilter
from staff.formatting import format_csv_instant, format_instant
from staff.forms import RecordForm
from webhooks import services
from webhooks.admin_records import (
    DISABLED_LABELS,
    EVENT_LABELS,
    STAGE_LABELS,
    STATUS_LABELS,
    WebhookDelivery,
    WebhookEndpoint,
    endpoint_record,
)
from webhooks.domain import (
    SECRET_OVERLAP,
    SELECTABLE_EVENTS,
    Attempt,
    Delivery,
    Endpoint,
    EventType,
    PersonalData,
)

RESEND = "webhooks.change_webhookdelivery"
SHOWN_ONCE = "_webhooks_shown_once"
"""The request attribute with the secret of the endpoint that the request adds."""
CHANGE_PAGES = {
    "appointment": "admin:appointments_appointment_change",
    "order": "admin:orders_order_change",
    "call": "admin:conversations_conversation_change",
    "endpoint": "admin:webhooks_webhookendpoint_change",
}
"""The names of the pages of the records that events are about, by `record_type`."""
VIEW_PERMISSIONS = {
    "appointment": "appointments.view_appointment",
    "order": "orders.view_order",
    "call": "conversations.view_conversation",
}
"""What a user needs to view these records."""
WITH_PERSONAL_DATA = frozenset({"appointment", "order"})
"""The records whose events have personal data; events begin with these names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewable:
    """What a user may view of the records that events are about.

    Attributes:
        record_types: The kinds of records, as in `Delivery.record_type`.
        has_numbers: Whether with identity and telephone numbers.

    """

    record_types: frozenset[str] = frozenset()
    has_numbers: bool = False

    @classmethod
    def by(cls, request: HttpRequest) -> "Viewable":
        """Return what the user of a request may view."""
        has = request.user.has_perm
        viewable = (each for each, permission in VIEW_PERMISSIONS.items() if has(permission))
        return cls(record_types=frozenset(viewable), has_numbers=has(VIEW_DNI) and has(VIEW_PHONE))

    def refusal(self, events: Iterable[EventType], personal_data: PersonalData) -> str:
        """Return why the user may not send events with such data to others; empty if they may."""
        if personal_data is PersonalData.NONE:
            return ""
        if personal_data is PersonalData.FULL and not self.has_numbers:
            return _("Only those who may view DNI and telephone numbers can choose this.")
        types = {each.value.partition(".")[0] for each in events} & WITH_PERSONAL_DATA
        if not types <= self.record_types:
            return _("Only those who may view the records of the events can choose this.")
        return ""

    def includes(self, delivery: Delivery) -> bool:
        """Whether the user may view the body of a delivery."""
        if delivery.event is EventType.TEST:
            return True
        has_numbers = delivery.personal_data is not PersonalData.FULL or self.has_numbers
        return has_numbers and delivery.record_type in self.record_types


class EndpointForm(RecordForm):
    """An endpoint; the events are boxes to tick."""

    events = forms.MultipleChoiceField(
        label=gettext_lazy("Events"),
        choices=[(each.value, EVENT_LABELS[each]) for each in SELECTABLE_EVENTS],
        widget=forms.CheckboxSelectMultiple,
    )
    viewable: ClassVar[Viewable] = Viewable()
    """What the user may view; set on the form class per request."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "url" in self.fields:  # not if the user may only view it
            self.fields["url"].widget.attrs["class"] = "vLargeTextField"
        stored = self.initial.get("events") or ""
        self.initial["events"] = stored.split(",") if isinstance(stored, str) else stored

    @override
    def clean(self) -> dict[str, Any] | None:
        """Refuse to send others, or to another address, what the user may not view."""
        cleaned = super().clean()
        if not self.errors and self._sends_more():
            values = self.values()
            if refusal := self.viewable.refusal(values["events"], values["personal_data"]):
                self.add_error("personal_data", refusal)
        return cleaned

    def _sends_more(self) -> bool:
        """Whether somebody gets what they did not get before: all other changes are allowed."""
        if not self.instance.is_stored:
            return True
        stored: Endpoint = self.instance.value
        values = self.values()
        return (
            values["url"] != stored.url
            or not set(values["events"]) <= stored.events
            or values["personal_data"].is_more_than(stored.personal_data)
            or (values["is_active"] and not stored.is_active)
        )

    def values(self) -> dict[str, Any]:
        """Return the fields as the services take them."""
        data = self.cleaned_data
        return {
            "url": data["url"].strip(),
            "description": data["description"],
            "events": [EventType(each) for each in data["events"]],
            "personal_data": PersonalData(data["personal_data"]),
            "is_active": data["is_active"],
        }


@admin.register(WebhookEndpoint)
class EndpointAdmin(RecordAdmin[WebhookEndpoint]):
    """Endpoints, the oldest first."""

    form = EndpointForm
    list_display = ("__str__", "url", "events_shown", "state_shown")
    sortable_fields = frozenset({"created_at"})
    search_help_text = gettext_lazy("Words of the address or the description.")
    readonly_fields = ("state_shown", "created_at", "updated_at")
    change_form_template = "admin/webhooks/endpoint_change_form.html"

    @admin.display(description=gettext_lazy("events"))
    def events_shown(self, endpoint: WebhookEndpoint) -> str:
        """Return how many events of all it gets, or which."""
        events = endpoint.value.events
        if len(events) == len(SELECTABLE_EVENTS):
            return _("All")
        return ", ".join(each.value for each in SELECTABLE_EVENTS if each in events)

    @admin.display(description=gettext_lazy("status"))
    def state_shown(self, endpoint: WebhookEndpoint) -> str:
        """Return whether it works."""
        value = endpoint.value
        if value.disabled_reason is not None:
            return str(DISABLED_LABELS[value.disabled_reason])
        if value.failing_since is not None:
            return _("Failing since %(time)s") % {"time": format_instant(value.failing_since)}
        return _("Active")

    @override
    def get_fields(self, request: HttpRequest, obj: WebhookEndpoint | None = None) -> Any:
        fields = ["url", "description", "events", "personal_data", "is_active"]
        return fields if obj is None else [*fields, "state_shown", ("created_at", "updated_at")]

    @override
    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:  # type: ignore[override]  # the stubs want `change`
        form = super().get_form(request, obj, **kwargs)
        form.viewable = Viewable.by(request)
        return form

    @override
    def save_record(
        self, request: HttpRequest, form: Any, formsets: Any, *, change: bool
    ) -> WebhookEndpoint:
        if not change:
            endpoint, secret = services.add_endpoint(
                endpoint_id=form.new_token(), **form.values(), now=clock.now()
            )
            setattr(request, SHOWN_ONCE, secret)
            return endpoint_record(endpoint)
        updated = services.update_endpoint(
            endpoint_id=form.instance.id,
            **form.values(),
            unchanged_since=form.shown_version(),
            now=clock.now(),
        )
        return endpoint_record(updated)

    @override
    def delete_record(self, record: WebhookEndpoint) -> None:
        services.delete_endpoint(endpoint_id=record.pk, unchanged_since=record.updated_at)

    @override
    def response_add(
        self, request: HttpRequest, obj: WebhookEndpoint, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the secret, this once."""
        return self._secret_page(request, obj, getattr(request, SHOWN_ONCE), is_renewed=False)

    def _secret_page(
        self, request: HttpRequest, record: WebhookEndpoint, secret: str, *, is_renewed: bool
    ) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Secret of the webhook"),
            "opts": self.opts,
            "record": record,
            "record_url": _change_page(record),
            "secret": secret,
            "overlap_hours": int(SECRET_OVERLAP.total_seconds() // 3600) if is_renewed else 0,
        }
        return TemplateResponse(request, "admin/webhooks/secret.html", context)

    # --- Pages of their own

    @override
    def get_urls(self) -> list[Any]:
        def page(route: str, view: Any, name: str) -> Any:
            return path(route, self.admin_site.admin_view(view), name=f"webhooks_{name}")

        return [
            page("<path:endpoint_id>/renew-secret/", self.renew_secret_view, "renew_secret"),
            page("<path:endpoint_id>/send-test/", self.send_test_view, "send_test"),
            *super().get_urls(),
        ]

    @override
    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        log = reverse("admin:webhooks_webhookdelivery_changelist")
        context = {
            "deliveries_url": f"{log}?endpoint_id={quote(unquote(object_id))}",
            "may_change": self.has_change_permission(request),
        }
        return super().change_view(
            request, object_id, form_url, {**context, **(extra_context or {})}
        )

    def renew_secret_view(self, request: HttpRequest, endpoint_id: str) -> HttpResponse:
        """Ask whether to renew the secret; then renew and show it, this once."""
        record = self._changeable_record(request, endpoint_id)
        if request.method != "POST":
            question = _(
                "The receiver then has 24 hours to learn the new secret: until then both sign each event."
            )
            return self._confirmation(request, record, _("Renew the secret"), question)
        try:
            shown = from_iso(request.POST.get("version", ""))
            secret = services.renew_secret(
                endpoint_id=record.pk, unchanged_since=shown, now=clock.now()
            )
        except (StaleVersionError, ValueError):
            # Also a page with a secret that is loaded again: that must not renew it once more.
            self.message_user(request, StaleVersionError().message, messages.ERROR)
            return HttpResponseRedirect(_change_page(record))
        self.log_change(request, record, _("Secret renewed"))
        return self._secret_page(request, record, secret, is_renewed=True)

    def send_test_view(self, request: HttpRequest, endpoint_id: str) -> HttpResponse:
        """Ask whether to send a test event; then add it, and show the log of deliveries."""
        record = self._changeable_record(request, endpoint_id)
        if request.method != "POST":
            question = _("The receiver gets an event of the type webhook.test.")
            return self._confirmation(request, record, _("Send a test event"), question)
        try:
            services.send_test(endpoint_id=record.pk, now=clock.now())
        except (NotFoundError, RuleError) as error:
            self.message_user(request, error.message, messages.ERROR)
            return HttpResponseRedirect(_change_page(record))
        self.log_change(request, record, _("Test event sent"))
        self.message_user(request, _("The event is sent in a moment."), messages.SUCCESS)
        log = reverse("admin:webhooks_webhookdelivery_changelist")
        return HttpResponseRedirect(f"{log}?endpoint_id={quote(record.pk)}")

    def _changeable_record(self, request: HttpRequest, endpoint_id: str) -> WebhookEndpoint:
        if not self.has_change_permission(request):
            raise PermissionDenied
        return endpoint_record(services.get_endpoint(endpoint_id=unquote(endpoint_id)))

    def _confirmation(
        self, request: HttpRequest, record: WebhookEndpoint, title: str, question: str
    ) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "record": record,
            "question": question,
        }
        return TemplateResponse(request, "admin/webhooks/confirm.html", context)

    @override
    def csv_columns(
        self, request: HttpRequest
    ) -> Sequence[tuple[str, Callable[[WebhookEndpoint], object]]]:
        return [
            (_("address"), lambda each: each.url),
            (_("description"), lambda each: each.description),
            (_("events"), lambda each: each.events),
            (_("personal data"), lambda each: each.personal_data),
            (_("status"), self.state_shown),
        ]


class StageFilter(ChoiceFilter):
    """Deliveries that are open, delivered or failed."""

    title = gettext_lazy("status")
    parameter_name = "stage"
    choice_labels: ClassVar[Any] = {stage.value: label for stage, label in STAGE_LABELS.items()}


class EndpointFilter(ChoiceFilter):
    """Deliveries of one endpoint."""

    title = gettext_lazy("webhook")
    parameter_name = "endpoint_id"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(each.id, each.description or each.url) for each in services.list_endpoints()]

    @override
    def has_output(self) -> bool:
        return True


@admin.register(WebhookDelivery)
class DeliveryAdmin(ReadOnlyRecordAdmin[WebhookDelivery]):
    """The log of deliveries, the latest first."""

    fields = (
        "event_shown", "number", "endpoint_shown", "status_shown", "attempts", "attempts_shown", "due_at", "created_at",
        "webhook_id", "body",
    )  # fmt: skip
    list_display = ("when", "event_shown", "number", "status_shown", "answer_shown")
    list_filter = (StageFilter, EndpointFilter)
    sortable_fields = frozenset({"due_at"})
    search_help_text = gettext_lazy("Number of the record, or id of the event.")
    actions = ("send_again", "export_csv")

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: WebhookDelivery | None = None) -> Any:
        return self.fields

    @override
    def get_fields(self, request: HttpRequest, obj: WebhookDelivery | None = None) -> Any:
        """Return the fields; the body only to those who may view the record that it is about."""
        is_body_shown = obj is not None and Viewable.by(request).includes(obj.value)
        return [each for each in self.fields if each != "body" or is_body_shown]

    @override
    def has_delete_permission(
        self, request: HttpRequest, obj: WebhookDelivery | None = None
    ) -> bool:
        return False

    def has_resend_permission(self, request: HttpRequest) -> bool:
        """Whether the user may send events again."""
        return bool(request.user.has_perm(RESEND))

    @admin.display(description=gettext_lazy("when"), ordering="due_at")
    def when(self, delivery: WebhookDelivery) -> str:
        """Return the time of the next attempt, or when it was delivered or given up."""
        return format_instant(delivery.due_at)

    @admin.display(description=gettext_lazy("event"))
    def event_shown(self, delivery: WebhookDelivery) -> str:
        """Return what happened."""
        return str(EVENT_LABELS[delivery.value.event])

    @admin.display(description=gettext_lazy("webhook"))
    def endpoint_shown(self, delivery: WebhookDelivery) -> str:
        """Return the endpoint as a link, or its id if it was deleted."""
        endpoint_id = delivery.value.endpoint_id
        try:
            endpoint = services.get_endpoint(endpoint_id=endpoint_id)
        except NotFoundError:
            return endpoint_id
        url = reverse(CHANGE_PAGES["endpoint"], args=[quote(endpoint_id)])
        return format_html('<a href="{}">{}</a>', url, endpoint.description or endpoint.url)

    @admin.display(description=gettext_lazy("number"))
    def number(self, delivery: WebhookDelivery) -> str:
        """Return the id of the record that it is about, as a link; a deleted one has no page."""
        value = delivery.value
        page = CHANGE_PAGES.get(value.record_type)
        is_deleted = value.event in {EventType.APPOINTMENT_DELETED, EventType.ORDER_DELETED}
        if value.event is EventType.TEST:
            return "–"
        if page is None or is_deleted:
            return value.record_id
        url = reverse(page, args=[quote(value.record_id)])
        return format_html('<a href="{}">{}</a>', url, value.record_id)

    @admin.display(description=gettext_lazy("status"))
    def status_shown(self, delivery: WebhookDelivery) -> str:
        """Return the status, coloured by CSS."""
        status = delivery.value.status
        return format_html(
            '<span class="state state-webhook-{}">{}</span>', status.value, STATUS_LABELS[status]
        )

    @admin.display(description=gettext_lazy("last answer"))
    def answer_shown(self, delivery: WebhookDelivery) -> str:
        """Return what came of the last attempt."""
        log = delivery.value.log
        return _describe_attempt(log[-1]) if log else "–"

    @admin.display(description=gettext_lazy("latest attempts"))
    def attempts_shown(self, delivery: WebhookDelivery) -> str:
        """Return the latest attempts, each with its answer and how long it took."""
        rows = [
            (format_instant(each.at), _describe_attempt(each))
            for each in reversed(delivery.value.log)
        ]
        items = format_html_join("", "<li>{} · {}</li>", rows)
        return format_html('<ul class="attempts">{}</ul>', items) if rows else "–"

    @admin.display(description=gettext_lazy("content"))
    def body(self, delivery: WebhookDelivery) -> str:
        """Return the JSON that is posted."""
        return format_html("<code>{}</code>", delivery.value.body)

    @admin.action(permissions=["resend"], description=gettext_lazy("Send again"))
    def send_again(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        """Let the worker post the selected events at once."""
        selected = list(queryset)
        count = sum(self._send_again(request, each) for each in selected)
        if count:
            self.message_user(request, f"{_('To be sent again')}: {count}", messages.SUCCESS)
        self.report_missing(request, selected)

    def _send_again(self, request: HttpRequest, record: WebhookDelivery) -> bool:
        try:
            services.send_again(delivery_id=record.pk, now=clock.now())
        except (ConflictError, NotFoundError, RuleError) as error:
            self.message_user(request, f"{record}: {error.message}", messages.ERROR)
            return False
        self.log_change(request, record, _("To be sent again"))
        return True

    @override
    def csv_columns(
        self, request: HttpRequest
    ) -> Sequence[tuple[str, Callable[[WebhookDelivery], object]]]:
        return [
            (_("when"), lambda each: format_csv_instant(each.due_at)),
            (_("event"), lambda each: each.event),
            (_("number"), lambda each: each.record_id),
            (_("status"), lambda each: str(STATUS_LABELS[each.value.status])),
            (_("attempts"), lambda each: each.attempts),
            (_("last answer"), self.answer_shown),
        ]


def _change_page(record: WebhookEndpoint) -> str:
    return reverse(CHANGE_PAGES["endpoint"], args=[quote(record.pk)])


def _describe_attempt(attempt: Attempt) -> str:
    answer = attempt.error or f"HTTP {attempt.status_code}"
    return f"{answer} · {attempt.latency_ms} ms"
