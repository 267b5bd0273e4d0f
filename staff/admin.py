"""The base class of the staff's admin pages: Django's `ModelAdmin` over records, which calls services.

Django's form view validates, then saves. The service may still refuse (a conflict, a rule). Then it
raises, nothing is written, and the view runs a second time with that error, so that the form shows it
at the right field with all that was typed.

The views run without Django's SQL transaction: it would not cover DynamoDB, and would hold SQLite's
only write lock during requests to DynamoDB. The one SQL write, the history's entry, comes after the
record is stored.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, override

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.actions import delete_selected as confirm_deletion
from django.contrib.admin.utils import quote, unquote
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common.errors import (
    ConflictError,
    DomainError,
    NotFoundError,
    RuleError,
    StaleVersionError,
)
from common.record_changes import ChangeWay, RecordChange
from common.rest.permissions import VIEW_DNI
from common.timestamps import UNVERSIONED, from_iso
from staff.changelist import RecordChangeList, RecordPaginator, requested_page
from staff.csv_export import csv_response
from staff.filters import StartFilter
from staff.formatting import format_instant
from staff.forms import ContactEmailField, RecordForm
from staff.queryset import RecordQuerySet
from staff.records import Record, version_of

WAY_LABELS = {
    ChangeWay.VOICE: gettext_lazy("By voice"),
    ChangeWay.REST: gettext_lazy("By the API"),
    ChangeWay.LINK: gettext_lazy("By a link"),
    ChangeWay.EXPIRY: gettext_lazy("Not confirmed in time"),
}
SERVICE_ERROR = "_staff_service_error"
"""The request attribute with the service's error, for the form view's second run."""
NOTHING_CHANGED = "_staff_nothing_changed"
"""The request attribute that says that the form changed nothing."""

if TYPE_CHECKING:  # the stubs' class is generic, Django's isn't
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin


class RecordAdmin[M: Record](_ModelAdmin):
    """Lists, adds, changes and deletes records. Subclasses implement the first group of methods."""

    form = RecordForm
    formfield_overrides: ClassVar[Any] = {models.EmailField: {"form_class": ContactEmailField}}
    object_history_template = "admin/record_history.html"
    delete_confirmation_template = "admin/delete_record.html"
    delete_selected_confirmation_template = "admin/delete_records.html"
    list_per_page = 25
    list_max_show_all = 25
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    actions: Any = ("delete_selected", "export_csv")
    search_fields: ClassVar[Any] = ("id",)  # only shows the search field; the queryset searches
    sortable_fields: ClassVar[frozenset[str]] = frozenset()
    search_limit_message: ClassVar[Any] = gettext_lazy(
        "Only the %(limit)s newest were searched. An id or an e-mail address finds the others; so "
        "does a filter."
    )

    # --- To be implemented

    def save_record(self, request: HttpRequest, form: Any, formsets: Any, *, change: bool) -> M:
        """Save the form through a service, and return the stored record."""
        raise NotImplementedError

    def delete_record(self, record: M) -> None:
        """Delete the record through a service."""
        raise NotImplementedError

    def csv_columns(self, request: HttpRequest) -> Sequence[tuple[str, Callable[[M], object]]]:
        """Return the title and the value function of each column of the CSV export."""
        raise NotImplementedError

    def error_text(self, error: DomainError) -> str:
        """Return the text that staff see for an error."""
        return error.message

    # --- Lists

    @override
    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[RecordChangeList]:
        return RecordChangeList

    def default_ordering(self, request: HttpRequest) -> Sequence[str]:  # noqa: ARG002 -- others use it
        """Return the order of the list where staff have not chosen one."""
        return tuple(map(str, self.opts.ordering or ()))

    @override
    def get_list_filter(self, request: HttpRequest) -> Any:
        return [*super().get_list_filter(request), StartFilter]

    @override
    def get_paginator(
        self, request: HttpRequest, queryset: Any, per_page: int, *_args: Any, **_kwargs: Any
    ) -> Any:
        if not isinstance(queryset, RecordQuerySet):  # the history's entries, which are in SQL
            return super().get_paginator(request, queryset, per_page)
        return RecordPaginator(queryset, per_page, current_page=requested_page(request))

    @override
    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[M], search_term: str
    ) -> tuple[QuerySet[M], bool]:
        assert isinstance(queryset, RecordQuerySet)
        sees_dni = request.user.has_perm(VIEW_DNI)
        return queryset.search(search_term, searches_dni=sees_dni), False

    @override
    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Whether a URL may filter by `lookup`: only if an index serves it. Else the answer is 400."""
        filters = {each.parameter_name for each in (*self.list_filter, StartFilter)}
        return lookup in self.model.source.conditions | filters

    @override
    def get_sortable_by(self, request: HttpRequest) -> Any:
        columns = [name for name in self.get_list_display(request) if isinstance(name, str)]
        return [name for name in columns if self._order_field(name) in self.sortable_fields]

    def _order_field(self, column: str) -> str:
        return getattr(getattr(self, column, None), "admin_order_field", column)

    @override
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            response = super().changelist_view(request, extra_context)
        except (ConflictError, NotFoundError, RuleError) as error:
            self.message_user(request, error.message, messages.ERROR)
            is_action = request.method == "POST"
            return HttpResponseRedirect(request.get_full_path() if is_action else request.path)
        context = getattr(response, "context_data", None) or {}
        if "cl" in context:
            self._warn_if_incomplete(request, context["cl"])
        return response

    def _warn_if_incomplete(self, request: HttpRequest, change_list: RecordChangeList) -> None:
        """Tell staff if the search or the list stopped early."""
        page = change_list.paginator.record_page
        if page.stopped_after:
            text = self.search_limit_message % {"limit": page.stopped_after}
            self.message_user(request, text, messages.WARNING)
        if page.stopped_at:
            text = _(
                'Few match, so the list was read only to {}. <a href="{}">Go on from there</a>'
            )
            instant = format_instant(from_iso(page.stopped_at))
            url = change_list.url_starting_at(page.stopped_at)
            self.message_user(request, format_html(text, instant, url), messages.WARNING)

    @admin.action(permissions=["view"], description=gettext_lazy("Export as CSV"))
    def export_csv(self, request: HttpRequest, queryset: QuerySet[M]) -> StreamingHttpResponse:
        """Return the selected records as a CSV file."""
        records = list(queryset)  # before the response starts, so that an error becomes a page
        return csv_response(f"{self.opts.model_name}s.csv", self.csv_columns(request), records)

    # --- Forms

    @override
    def get_form(self, request: HttpRequest, obj: M | None = None, **kwargs: Any) -> Any:  # type: ignore[override]  # the stubs want `change`
        form = super().get_form(request, obj, **kwargs)
        form.service_error = getattr(request, SERVICE_ERROR, None)  # type: ignore[attr-defined]  # ours is a RecordForm
        return form

    @override
    def get_fieldsets(self, request: HttpRequest, obj: M | None = None) -> Any:
        """Return the fieldsets; the last one has the form's hidden field, too."""
        fieldsets: Any = [
            (name, dict(options)) for name, options in super().get_fieldsets(request, obj)
        ]
        may_save = self.has_change_permission(request, obj) if obj else True
        if may_save:
            last = fieldsets[-1][1]
            last["fields"] = [*last["fields"], "version" if obj else "token"]
        return fieldsets

    @override
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        try:
            return self._changeform_view(request, object_id, form_url, extra_context)  # type: ignore[attr-defined]  # the stubs lack it  # Django's, without its SQL transaction
        except DomainError as error:
            if request.method != "POST":
                raise
            setattr(request, SERVICE_ERROR, error)
            return self._changeform_view(request, object_id, form_url, extra_context)  # type: ignore[attr-defined]  # the stubs lack it

    @override
    def save_model(self, request: HttpRequest, obj: M, form: Any, change: bool) -> None:
        """Do nothing: `save_related` saves the record together with its lines."""

    @override
    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        for formset in formsets:
            formset.save(commit=False)  # sorts new, changed and deleted lines, for the history
        version_before = form.instance.version
        stored = self.save_record(request, form, formsets, change=change)
        if change and stored.version == version_before:
            self._warn_of_no_change(request, stored)
            setattr(request, NOTHING_CHANGED, True)
        for field in stored._meta.concrete_fields:
            setattr(form.instance, field.attname, getattr(stored, field.attname))

    @override
    def log_change(self, request: HttpRequest, obj: M, message: Any) -> Any:
        """Add a change to the history, unless the form changed nothing."""
        if getattr(request, NOTHING_CHANGED, False):
            return None
        return super().log_change(request, obj, message)

    @override
    def message_user(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Show a message, unless it is Django's message of success for a form that changed nothing."""
        if not getattr(request, NOTHING_CHANGED, False):
            super().message_user(request, *args, **kwargs)

    def _warn_of_no_change(self, request: HttpRequest, record: M) -> None:
        text = _("It was so already; nothing was changed.")
        self.message_user(request, f"{record}: {text}", messages.WARNING)

    # --- History

    @override
    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the changes in the admin, and those by voice and REST that the record contains."""
        record = self.get_object(request, unquote(object_id))
        changes = reversed(getattr(getattr(record, "value", None), "changes", ()))
        context = {"outside_changes": [self._shown_change(each) for each in changes]}
        return super().history_view(request, object_id, {**(extra_context or {}), **context})

    def _shown_change(self, change: RecordChange) -> dict[str, Any]:
        names = {field.name: field.verbose_name for field in self.opts.fields} | {
            "items": _("products")
        }
        return {
            "at": change.at,
            "way": WAY_LABELS[change.origin.way],
            "call_id": change.origin.call_id,
            "fields": [names.get(name, name) for name in change.fields],
        }

    # --- Deletion

    @override
    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        try:
            return self._delete_view(request, object_id, extra_context)  # type: ignore[attr-defined]  # the stubs lack it  # Django's, without its SQL transaction
        except (ConflictError, NotFoundError, RuleError) as error:
            self.message_user(request, error.message, messages.ERROR)
            return HttpResponseRedirect(reverse(f"admin:{self._url_prefix()}_changelist"))

    @override
    def delete_model(self, request: HttpRequest, obj: M) -> None:
        """Delete the record, if it still has the version that the confirmation page showed."""
        self._delete(request, obj, shown_version=request.POST.get("version"))

    def _delete(self, request: HttpRequest, record: M, *, shown_version: str | None) -> None:
        if shown_version != record.version:
            raise StaleVersionError
        self.delete_record(record)
        super().log_deletions(request, [record])  # type: ignore[arg-type]  # the stubs want a queryset; Django gives lists

    @admin.action(permissions=["delete"], description=confirm_deletion.short_description)  # type: ignore[attr-defined]  # the decorator's
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[M]) -> HttpResponse | None:
        """Ask for confirmation; then delete the records that still have the version shown there.

        It replaces Django's action, whose confirmation page has no versions and which reports records
        as deleted before they are.
        """
        if not request.POST.get("post"):
            return self._confirmation_page(request, queryset)
        shown = _shown_versions(request)
        records = [each for each in queryset if each.pk in shown or not self._selects_all(request)]
        count = sum(self._try_delete(request, each, shown.get(each.pk)) for each in records)
        if count:
            self.message_user(request, f"{_('Deleted')}: {count}", messages.SUCCESS)
        self._report_missing_ids(request, shown, records)
        return None

    def _confirmation_page(self, request: HttpRequest, queryset: QuerySet[M]) -> TemplateResponse:
        page = confirm_deletion(self, request, queryset)
        assert page is not None
        assert page.context_data is not None
        # All versions in one field: 5,000 fields would be more than Django accepts in a form.
        versions = json.dumps({record.pk: record.version for record in queryset})
        page.context_data |= {"versions": versions, "selects_all": self._selects_all(request)}
        return page

    def _try_delete(self, request: HttpRequest, record: M, shown_version: str | None) -> bool:
        """Delete the record and return True; or show staff the error and return False."""
        try:
            self._delete(request, record, shown_version=shown_version)
        except (ConflictError, NotFoundError, RuleError) as error:
            self.message_user(request, f"{record}: {self.error_text(error)}", messages.ERROR)
            return False
        return True

    @override
    def log_deletions(self, request: HttpRequest, queryset: QuerySet[M]) -> list[Any]:
        """Do nothing: `_delete` logs each deletion after it happened."""
        return []

    @override
    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Return the records, and none of the related objects that Django looks for in SQL."""
        records = list(objs)
        lacking = set()
        if not self.has_delete_permission(request):
            lacking.add(self.opts.verbose_name)
        links = [self._link_to(record) for record in records]
        return links, {self.opts.verbose_name_plural: len(records)}, lacking, []

    def _link_to(self, record: M) -> str:
        url = reverse(f"admin:{self._url_prefix()}_change", args=[quote(record.pk)])
        return format_html('<a href="{}">{}</a>', url, record)

    def _url_prefix(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"

    # --- Actions

    def apply_to_each(
        self,
        request: HttpRequest,
        records: Iterable[M],
        operation: Callable[[M, datetime | None], object],
        message: str,
    ) -> None:
        """Call a service for each record, and show staff how many it changed and which ones not.

        Args:
            request: The request of the action.
            records: The selected records.
            operation: Calls the service with a record and the version that staff saw; returns the
                changed record or domain value.
            message: What happened, for the history and the message of success.

        """
        selected = list(records)
        count = 0
        for record in selected:
            if self._try_change(request, record, operation):
                self.log_change(request, record, message)
                count += 1
        if count:
            self.message_user(request, f"{message}: {count}", messages.SUCCESS)
        self.report_missing(request, selected)

    def _try_change(
        self, request: HttpRequest, record: M, operation: Callable[[M, datetime | None], object]
    ) -> bool:
        """Return whether `operation` changed the record; if not, show staff why."""
        try:
            shown_version = self._shown_version(request, record)
            is_changed = version_of(operation(record, shown_version)) != record.version
        except (ConflictError, NotFoundError, RuleError) as error:
            self.message_user(request, f"{record}: {self.error_text(error)}", messages.ERROR)
            return False
        if not is_changed:
            self._warn_of_no_change(request, record)
        return is_changed

    def _shown_version(self, request: HttpRequest, record: M) -> datetime | None:
        """Return the version that the form with the action showed; None for an action of a list.

        In a list staff decide by the status, and the service checks which status may follow.

        Raises:
            StaleVersionError: the form showed an older version.

        """
        match = request.resolver_match
        if match is None or "object_id" not in match.kwargs:
            return None
        if request.POST.get("version") != record.version:
            raise StaleVersionError
        return from_iso(record.version) if record.version else UNVERSIONED

    def report_missing(self, request: HttpRequest, records: Iterable[M]) -> None:
        """Show staff which selected records are no longer in the list: deleted, or changed."""
        if not self._selects_all(request):  # "all that match" includes whichever match now
            self._report_missing_ids(request, self.selected_ids(request), records)

    def _report_missing_ids(
        self, request: HttpRequest, ids: Iterable[str], records: Iterable[M]
    ) -> None:
        found = {record.pk for record in records}
        for record_id in dict.fromkeys(ids):
            if record_id not in found:
                text = _("It isn't in this list any more.")
                record = self.model(pk=record_id)
                self.message_user(request, f"{record}: {text}", messages.ERROR)

    def _selects_all(self, request: HttpRequest) -> bool:
        """Whether staff selected all records that match, on all pages."""
        return request.POST.get("select_across") == "1"

    def selected_ids(self, request: HttpRequest) -> list[str]:
        """Return the ids of the records that were selected in the list."""
        return request.POST.getlist(helpers.ACTION_CHECKBOX_NAME)


def _shown_versions(request: HttpRequest) -> dict[str, str]:
    """Return the versions on the confirmation page, by record id."""
    try:
        versions = json.loads(request.POST.get("versions", ""))
    except ValueError:
        return {}
    return versions if isinstance(versions, dict) else {}


class ReadOnlyRecordAdmin[M: Record](RecordAdmin[M]):
    """Lists and shows records that staff can't add or change."""

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False
