"""Admin pages of follow-ups: staff see who waits for an answer, and write down what they did."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, override

from django.contrib import admin
from django.contrib.admin.options import ActionLocation
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common import clock
from follow_ups import services
from follow_ups.admin_records import STATUS_LABELS, FollowUp, follow_up_record
from follow_ups.domain import FollowUp as FollowUpValue
from follow_ups.domain import FollowUpStatus
from staff.admin import RecordAdmin
from staff.filters import ALL, ChoiceFilter
from staff.formatting import format_csv_instant, format_instant
from staff.forms import RecordForm

SHOWN_MESSAGE_LENGTH = 80
WHAT_WAS_LEFT = ("customer_name", "phone", "email", "message")


class FollowUpStatusFilter(ChoiceFilter):
    """Follow-ups of one status; without a choice, those to answer."""

    title = gettext_lazy("status")
    parameter_name = "status"
    choice_labels = STATUS_LABELS
    default_label = gettext_lazy("To answer")

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        done = FollowUpStatus.DONE
        return [(ALL, _("All")), (done.value, STATUS_LABELS[done])]

    @override
    def apply_default(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(status=FollowUpStatus.OPEN.value)


class FollowUpForm(RecordForm):
    """A follow-up."""

    error_fields = {  # noqa: RUF012 -- Django's metaclass would take it for a field's
        "contact_missing": "phone",
        "customer_email": "email",
    }


@admin.register(FollowUp)
class FollowUpAdmin(RecordAdmin[FollowUp]):
    """Follow-ups: those to answer, the oldest first; of all of them, the latest first."""

    form = FollowUpForm
    list_display = ("left", "customer_name", "contact", "wanted", "status_label")
    list_filter = (FollowUpStatusFilter,)
    sortable_fields = frozenset({"created_at"})
    search_help_text = gettext_lazy("Words of the name, the message, the phone number or e-mail.")
    actions = ("complete", "delete_selected", "export_csv")
    readonly_fields = (*WHAT_WAS_LEFT, "answer_by", "call", "created_at", "updated_at")

    # --- Lists

    @override
    def default_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        shows_open = not any(request.GET.get(name) for name in ("q", "from", "status"))
        return ("created_at",) if shows_open else ("-created_at",)

    @admin.display(description=gettext_lazy("left on"), ordering="created_at")
    def left(self, follow_up: FollowUp) -> str:
        """Return when it was left."""
        return format_instant(follow_up.created_at)

    @admin.display(description=gettext_lazy("contact"))
    def contact(self, follow_up: FollowUp) -> str:
        """Return the phone number and the e-mail address."""
        return ", ".join(filter(None, (follow_up.phone, follow_up.email)))

    @admin.display(description=gettext_lazy("message"))
    def wanted(self, follow_up: FollowUp) -> str:
        """Return the beginning of the message."""
        return Truncator(follow_up.message).chars(SHOWN_MESSAGE_LENGTH)

    @admin.display(description=gettext_lazy("status"))
    def status_label(self, follow_up: FollowUp) -> str:
        """Return the status, coloured by CSS."""
        label = STATUS_LABELS[follow_up.value.status]
        return format_html('<span class="state state-{}">{}</span>', follow_up.status, label)

    # --- Forms

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: FollowUp | None = None) -> Any:
        return () if obj is None else self.readonly_fields

    @override
    def get_fields(self, request: HttpRequest, obj: FollowUp | None = None) -> Any:
        if obj is None:
            return WHAT_WAS_LEFT
        call = ["call"] if obj.value.call_id else []
        done = ["answer_by"] if obj.value.done_by else []
        return [*WHAT_WAS_LEFT, *call, "status", *done, "note", ("created_at", "updated_at")]

    @admin.display(description=gettext_lazy("answered by"))
    def answer_by(self, follow_up: FollowUp) -> str:
        """Return the user who answered."""
        return follow_up.value.done_by

    @admin.display(description=gettext_lazy("call"))
    def call(self, follow_up: FollowUp) -> str:
        """Return a link to the call in which it was left."""
        url = reverse("admin:conversations_conversation_change", args=[follow_up.value.call_id])
        return format_html('<a href="{}">{}</a>', url, _("Read what was said"))

    @override
    def save_record(
        self, request: HttpRequest, form: Any, formsets: Any, *, change: bool
    ) -> FollowUp:
        values = form.cleaned_data
        if not change:
            return follow_up_record(
                services.leave_follow_up(
                    **{name: values[name] for name in WHAT_WAS_LEFT},
                    token=f"staff:{form.new_token()}",
                    now=clock.now(),
                )
            )
        changed = form.changed_values()
        status = changed.get("status")
        return follow_up_record(
            services.change_follow_up(
                follow_up_id=form.instance.pk,
                status=None if status is None else FollowUpStatus(status),
                note=changed.get("note"),
                by=request.user.get_username(),
                unchanged_since=form.shown_version(),
                now=clock.now(),
            )
        )

    @override
    def delete_record(self, record: FollowUp) -> None:
        services.delete_follow_up(
            follow_up_id=record.id, unchanged_since=record.updated_at, now=clock.now()
        )

    # --- Actions

    @admin.action(
        permissions=["change"],
        description=gettext_lazy("Mark as answered"),
        location=(ActionLocation.CHANGE_LIST, ActionLocation.CHANGE_FORM),
    )
    def complete(self, request: HttpRequest, queryset: QuerySet[FollowUp]) -> None:
        """Set the status of the selected follow-ups to done."""

        def operation(follow_up: FollowUp, shown_version: datetime | None) -> FollowUpValue:
            return services.change_follow_up(
                follow_up_id=follow_up.id,
                status=FollowUpStatus.DONE,
                by=request.user.get_username(),
                unchanged_since=shown_version,
                now=clock.now(),
            )

        self.apply_to_each(request, queryset, operation, _("Answered"))

    @override
    def csv_columns(
        self, request: HttpRequest
    ) -> Sequence[tuple[str, Callable[[FollowUp], object]]]:
        return [
            (_("left on"), lambda each: format_csv_instant(each.created_at)),
            (_("customer"), lambda each: each.customer_name),
            (_("phone number"), lambda each: each.phone),
            (_("e-mail"), lambda each: each.email),
            (_("message"), lambda each: each.message),
            (_("status"), lambda each: str(STATUS_LABELS[each.value.status])),
            (_("answered by"), lambda each: each.value.done_by),
            (_("note"), lambda each: each.note),
            (_("call"), lambda each: each.value.call_id or ""),
        ]
