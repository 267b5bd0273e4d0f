"""The staff admin of e-mails: which were sent, which were not, and the local mailbox."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, override
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common import clock
from common.errors import ConflictError, NotFoundError, RuleError
from notifications import mailbox, services
from notifications.admin_records import STATUS_LABELS, Message, event_label, message_record
from notifications.domain import UNDER_WAY
from notifications.domain import Message as MessageValue
from staff.admin import ReadOnlyRecordAdmin
from staff.filters import ChoiceFilter
from staff.formatting import format_csv_instant, format_instant

RESEND = "notifications.change_message"
VIEW = "notifications.view_message"
HTML_POLICY = "sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'"
"""The content security policy of a mail's HTML: no script, nothing from elsewhere."""
CHANGE_PAGES = {
    "appointment": "admin:appointments_appointment_change",
    "waiting-entry": "admin:appointments_waitingentry_change",
}
"""The names of the pages of the records that messages are about, by the messages' `record_type`."""


class StatusFilter(ChoiceFilter):
    """Messages of one status."""

    title = gettext_lazy("status")
    parameter_name = "status"
    choice_labels: ClassVar[Any] = {status.value: label for status, label in STATUS_LABELS.items()}


@admin.register(Message)
class MessageAdmin(ReadOnlyRecordAdmin[Message]):
    """E-mails, the latest first."""

    fields = (
        "event_shown", "number", "recipient", "status_shown", "attempts", "error", "due_at", "created_at",
    )  # fmt: skip
    list_display = ("when", "event_shown", "number", "recipient", "status_shown", "error")
    list_filter = (StatusFilter,)
    sortable_fields = frozenset({"due_at"})
    search_help_text = gettext_lazy("Number of the appointment, or e-mail address.")
    actions = ("send_again", "export_csv")
    change_list_template = "admin/notifications/messages.html"

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: Message | None = None) -> Any:
        return self.fields

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        return False

    def has_resend_permission(self, request: HttpRequest) -> bool:
        """Whether the user may send e-mails again."""
        return bool(request.user.has_perm(RESEND))

    @admin.display(description=gettext_lazy("when"), ordering="due_at")
    def when(self, message: Message) -> str:
        """Return the time of the next attempt, or when it was sent or given up."""
        return format_instant(message.due_at)

    @admin.display(description=gettext_lazy("about"))
    def event_shown(self, message: Message) -> str:
        """Return what it is about."""
        return event_label(message.event)

    @admin.display(description=gettext_lazy("number"))
    def number(self, message: Message) -> str:
        """Return the id of the record that it is about, as a link if the record has a page."""
        page = CHANGE_PAGES.get(message.value.record_type)
        if page is None:
            return message.record_id
        url = reverse(page, args=[quote(message.record_id)])
        return format_html('<a href="{}">{}</a>', url, message.record_id)

    @admin.display(description=gettext_lazy("status"))
    def status_shown(self, message: Message) -> str:
        """Return the status, coloured by CSS."""
        return status_badge(message.value)

    @override
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"mailbox_url": _mailbox_url(), **(extra_context or {})}
        return super().changelist_view(request, context)

    @admin.action(permissions=["resend"], description=gettext_lazy("Send again"))
    def send_again(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        """Let the worker send the selected e-mails at once."""
        selected = list(queryset)
        count = sum(self._send_again(request, each) for each in selected)
        if count:
            self.message_user(request, f"{_('To be sent again')}: {count}", messages.SUCCESS)
        self.report_missing(request, selected)

    def _send_again(self, request: HttpRequest, record: Message) -> bool:
        try:
            services.send_again(message_id=record.pk, now=clock.now())
        except (ConflictError, NotFoundError, RuleError) as error:
            self.message_user(request, f"{record}: {error.message}", messages.ERROR)
            return False
        self.log_change(request, record, _("To be sent again"))
        return True

    # --- Pages of their own

    @override
    def get_urls(self) -> list[Any]:
        def page(route: str, view: Any, name: str) -> Any:
            return path(route, self.admin_site.admin_view(view), name=f"notifications_{name}")

        return [
            page("mailbox/", self.mailbox_view, "mailbox"),
            page("mailbox/<str:name>/", self.mail_html_view, "mail_html"),
            page("<path:message_id>/send-again/", self.send_again_view, "send_again"),
            *super().get_urls(),
        ]

    def send_again_view(self, request: HttpRequest, message_id: str) -> HttpResponse:
        """Ask whether to send one e-mail again, and do so; then show the page of its record."""
        if not self.has_resend_permission(request):
            raise PermissionDenied
        record = message_record(services.get_message(message_id=unquote(message_id)))
        if request.method != "POST":
            context = {
                **self.admin_site.each_context(request),
                "title": _("Send again"),
                "opts": self.opts,
                "record": record,
                "event": event_label(record.event),
            }
            return TemplateResponse(request, "admin/notifications/send_again.html", context)
        if self._send_again(request, record):
            self.message_user(request, _("The e-mail is sent again in a moment."), messages.SUCCESS)
        following = request.GET.get("next", "")
        is_own = url_has_allowed_host_and_scheme(following, allowed_hosts=None)
        default = reverse("admin:notifications_message_changelist")
        return HttpResponseRedirect(following if is_own and following.startswith("/") else default)

    def mailbox_view(self, request: HttpRequest) -> HttpResponse:
        """Show the e-mails in the folder that is used instead of a mail server."""
        context = {
            **self.admin_site.each_context(request),
            "title": _("Local mailbox"),
            "opts": self.opts,
            "emails": mailbox.list_emails(_folder(request)),
        }
        return TemplateResponse(request, "admin/notifications/mailbox.html", context)

    def mail_html_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """Show the HTML of an e-mail as a mail program would, without scripts."""
        email = mailbox.find_email(_folder(request), name)
        if email is None:
            raise Http404
        headers = {"Content-Security-Policy": HTML_POLICY}
        return HttpResponse(email.html, headers=headers)

    @override
    def csv_columns(
        self, request: HttpRequest
    ) -> Sequence[tuple[str, Callable[[Message], object]]]:
        return [
            (_("when"), lambda each: format_csv_instant(each.due_at)),
            (_("about"), lambda each: event_label(each.event)),
            (_("number"), lambda each: each.record_id),
            (_("recipient"), lambda each: each.recipient),
            (_("status"), lambda each: str(STATUS_LABELS[each.value.status])),
            (_("attempts"), lambda each: each.attempts),
            (_("last error"), lambda each: each.error),
        ]


def _folder(request: HttpRequest) -> Any:
    if not request.user.has_perm(VIEW):
        raise PermissionDenied
    folder = mailbox.folder()
    if folder is None:
        raise Http404
    return folder


def _mailbox_url() -> str:
    return "" if mailbox.folder() is None else reverse("admin:notifications_mailbox")


def status_badge(message: MessageValue) -> str:
    """Return the status of a message, coloured by CSS."""
    status = message.status
    label = STATUS_LABELS[status]
    return format_html('<span class="state state-email-{}">{}</span>', status.value, label)


def emails_of_record(record_type: str, record_id: str, *, following: str) -> str:
    """Return the list of a record's e-mails for its form, with links that send one again.

    They lead back to the page `following`.
    """
    found = services.list_messages_of(record_type=record_type, record_id=record_id)
    rows = [
        (
            format_instant(each.due_at),
            event_label(each.event),
            each.recipient,
            status_badge(each),
            each.error,
            "" if each.status in UNDER_WAY else _link(each, following),
        )
        for each in found
    ]
    items = format_html_join("", "<li>{} · {} · {} {} {} {}</li>", rows)
    return format_html('<ul class="emails">{}</ul>', items) if rows else "–"


def _link(message: MessageValue, following: str) -> str:
    url = reverse("admin:notifications_send_again", args=[quote(message.id)])
    query = urlencode({"next": following})
    return format_html('<a href="{}?{}">{}</a>', url, query, _("Send again"))
