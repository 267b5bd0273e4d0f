"""Django's stock `ModelAdmin` over records: the staff's door, which calls services and nothing else.

Theory. Django's form view validates, then saves. A service may still refuse then (a lost race, a
rule): it raises, nothing is written, and the same request is gone through once more with that
refusal, which the form shows where it belongs, with all that was typed. Neither view runs in an SQL
transaction: it would not cover DynamoDB, and would hold SQLite's only write lock while waiting.
The one SQL write, the history's entry, comes after the record is stored.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, override

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.actions import delete_selected as ask_and_delete
from django.contrib.admin.utils import quote
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
from common.timestamps import UNVERSIONED, from_iso
from staff.changelist import RecordChangeList, RecordPaginator, page_number
from staff.csv_export import csv_response
from staff.filters import PlaceFilter
from staff.formatting import format_instant
from staff.forms import RecordForm
from staff.queryset import RecordQuerySet
from staff.records import Record, version_of

REFUSAL = "_staff_refusal"
NOTHING_CHANGED = "_staff_nothing_changed"

if TYPE_CHECKING:  # the stubs' class is generic, Django's isn't
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin


class RecordAdmin[M: Record](_ModelAdmin):
    """Lists and edits records. What is written, the rooms' own admins say."""

    form = RecordForm
    delete_confirmation_template = "admin/delete_record.html"
    delete_selected_confirmation_template = "admin/delete_records.html"
    list_per_page = 25
    list_max_show_all = 25
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    actions: Any = ("delete_selected", "export_csv")
    search_fields: ClassVar[Any] = ("id",)  # says only that there is a search; `matching` does it
    sorts_by: ClassVar[frozenset[str]] = frozenset()
    search_stopped: ClassVar[Any] = gettext_lazy(
        "Only the %(limit)s newest were searched. An id or an e-mail address finds the others; so "
        "does a filter."
    )

    # --- What the rooms say

    def store(self, request: HttpRequest, form: Any, formsets: Any, *, change: bool) -> M:
        """Write what the form says through a service, and return the record as it is then."""
        raise NotImplementedError

    def remove(self, record: M) -> None:
        """Delete the record through a service."""
        raise NotImplementedError

    def columns(self, request: HttpRequest) -> Sequence[tuple[str, Callable[[M], object]]]:
        """Return the columns of the export."""
        raise NotImplementedError

    def sentence(self, error: DomainError) -> str:
        """Return what staff read about an error."""
        return error.message

    # --- Lists

    @override
    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[RecordChangeList]:
        return RecordChangeList

    @override
    def get_list_filter(self, request: HttpRequest) -> Any:
        return [*super().get_list_filter(request), PlaceFilter]

    @override
    def get_paginator(
        self, request: HttpRequest, queryset: Any, per_page: int, *_args: Any, **_kwargs: Any
    ) -> Any:
        if not isinstance(queryset, RecordQuerySet):  # the history's entries, which are in SQL
            return super().get_paginator(request, queryset, per_page)
        return RecordPaginator(queryset, per_page, shown=page_number(request))

    @override
    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[M], search_term: str
    ) -> tuple[QuerySet[M], bool]:
        assert isinstance(queryset, RecordQuerySet)
        return queryset.matching(search_term), False

    @override
    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Whether an address may filter so: only as an index can; else it is answered 400."""
        filters = {each.parameter_name for each in (*self.list_filter, PlaceFilter)}
        return lookup in self.model.source.conditions | filters

    @override
    def get_sortable_by(self, request: HttpRequest) -> Any:
        shown = [name for name in self.get_list_display(request) if isinstance(name, str)]
        return [name for name in shown if self._order_of(name) in self.sorts_by]

    def _order_of(self, name: str) -> str:
        return getattr(getattr(self, name, None), "admin_order_field", name)

    @override
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            response = super().changelist_view(request, extra_context)
        except (ConflictError, NotFoundError, RuleError) as error:
            self.message_user(request, error.message, messages.ERROR)
            is_asked_again = request.method == "POST"
            return HttpResponseRedirect(request.get_full_path() if is_asked_again else request.path)
        context = getattr(response, "context_data", None) or {}
        if "cl" in context:
            self._tell_of_stop(request, context["cl"])
        return response

    def _tell_of_stop(self, request: HttpRequest, listing: RecordChangeList) -> None:
        found = listing.paginator.found
        if found.stopped_after:
            text = self.search_stopped % {"limit": found.stopped_after}
            self.message_user(request, text, messages.WARNING)
        if found.stopped_at:
            text = _(
                'Few match, so the list was read only to {}. <a href="{}">Go on from there</a>'
            )
            reached, url = (
                format_instant(from_iso(found.stopped_at)),
                listing.address_from(found.stopped_at),
            )
            self.message_user(request, format_html(text, reached, url), messages.WARNING)

    @admin.action(permissions=["view"], description=gettext_lazy("Export as CSV"))
    def export_csv(self, request: HttpRequest, queryset: QuerySet[M]) -> StreamingHttpResponse:
        """Answer with the chosen records as a file."""
        records = list(queryset)  # read before the answer begins: an error must be one
        return csv_response(f"{self.opts.model_name}s.csv", self.columns(request), records)

    # --- Forms

    @override
    def get_form(self, request: HttpRequest, obj: M | None = None, **kwargs: Any) -> Any:  # type: ignore[override]  # the stubs want `change`
        form = super().get_form(request, obj, **kwargs)
        form.refusal = getattr(request, REFUSAL, None)  # type: ignore[attr-defined]  # ours is a RecordForm
        return form

    @override
    def get_fieldsets(self, request: HttpRequest, obj: M | None = None) -> Any:
        """Return the fieldsets, and in the last the hidden field that the form needs."""
        shown: Any = [
            (name, dict(options)) for name, options in super().get_fieldsets(request, obj)
        ]
        may_save = self.has_change_permission(request, obj) if obj else True
        if may_save:
            last = shown[-1][1]
            last["fields"] = [*last["fields"], "version" if obj else "token"]
        return shown

    @override
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        try:
            return self._changeform_view(request, object_id, form_url, extra_context)  # type: ignore[attr-defined]  # Django's, without its SQL transaction
        except DomainError as error:
            if request.method != "POST":
                raise
            setattr(request, REFUSAL, error)
            return self._changeform_view(request, object_id, form_url, extra_context)  # type: ignore[attr-defined]

    @override
    def save_model(self, request: HttpRequest, obj: M, form: Any, change: bool) -> None:
        """Do nothing: the record is written whole, with its lines, by `save_related`."""

    @override
    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        for formset in formsets:
            formset.save(commit=False)  # sorts new, changed and deleted lines, for the history
        seen = form.instance.version
        stored = self.store(request, form, formsets, change=change)
        if change and stored.version == seen:
            self._tell_of_no_change(request, stored)
            setattr(request, NOTHING_CHANGED, True)
        for field in stored._meta.concrete_fields:
            setattr(form.instance, field.attname, getattr(stored, field.attname))

    @override
    def log_change(self, request: HttpRequest, obj: M, message: Any) -> Any:
        """Log what was changed, if anything was."""
        if getattr(request, NOTHING_CHANGED, False):
            return None
        return super().log_change(request, obj, message)

    @override
    def message_user(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Tell staff something; but what Django says of a saved form isn't true of one that changed nothing."""
        if not getattr(request, NOTHING_CHANGED, False):
            super().message_user(request, *args, **kwargs)

    def _tell_of_no_change(self, request: HttpRequest, record: M) -> None:
        text = _("It was so already; nothing was changed.")
        self.message_user(request, f"{record}: {text}", messages.WARNING)

    # --- Deleting

    @override
    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        try:
            return self._delete_view(request, object_id, extra_context)  # type: ignore[attr-defined]  # Django's, without its SQL transaction
        except (ConflictError, NotFoundError, RuleError) as error:
            self.message_user(request, error.message, messages.ERROR)
            return HttpResponseRedirect(reverse(f"admin:{self._name()}_changelist"))

    @override
    def delete_model(self, request: HttpRequest, obj: M) -> None:
        """Delete the record, unless it isn't any more what staff were asked about."""
        self._delete(request, obj, seen=request.POST.get("version"))

    def _delete(self, request: HttpRequest, record: M, *, seen: str | None) -> None:
        if seen != record.version:
            raise StaleVersionError
        self.remove(record)
        super().log_deletions(request, [record])  # type: ignore[arg-type]  # the stubs want a queryset; Django gives lists

    @admin.action(permissions=["delete"], description=ask_and_delete.short_description)  # type: ignore[attr-defined]  # the decorator's
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[M]) -> HttpResponse | None:
        """Ask; then delete each of the chosen records that is still what staff were asked about.

        In place of Django's, whose page carries no versions and which counts as deleted what it wanted to.
        """
        if not request.POST.get("post"):
            return self._question(request, queryset)
        seen = _seen_versions(request)
        chosen = [each for each in queryset if each.pk in seen or not self._means_all(request)]
        count = sum(self._is_deleted(request, each, seen.get(each.pk)) for each in chosen)
        if count:
            self.message_user(request, f"{_('Deleted')}: {count}", messages.SUCCESS)
        self._tell_of_missing(request, seen, chosen)
        return None

    def _question(self, request: HttpRequest, queryset: QuerySet[M]) -> TemplateResponse:
        question = ask_and_delete(self, request, queryset)
        assert question is not None
        assert question.context_data is not None
        # In one field: 5,000 records would have more fields than a form may have.
        seen = json.dumps({record.pk: record.version for record in queryset})
        question.context_data |= {"seen": seen, "means_all": self._means_all(request)}
        return question

    def _is_deleted(self, request: HttpRequest, record: M, seen: str | None) -> bool:
        """Delete the record; if that is refused, tell staff why and return False."""
        try:
            self._delete(request, record, seen=seen)
        except (ConflictError, NotFoundError, RuleError) as error:
            self.message_user(request, f"{record}: {self.sentence(error)}", messages.ERROR)
            return False
        return True

    @override
    def log_deletions(self, request: HttpRequest, queryset: QuerySet[M]) -> list[Any]:
        """Do nothing: a deletion is logged once it has happened."""
        return []

    @override
    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Return what Django's collector would look for in SQL: the records, and nothing else."""
        records = list(objs)
        lacking = set()
        if not self.has_delete_permission(request):
            lacking.add(self.opts.verbose_name)
        links = [self._link(record) for record in records]
        return links, {self.opts.verbose_name_plural: len(records)}, lacking, []

    def _link(self, record: M) -> str:
        url = reverse(f"admin:{self._name()}_change", args=[quote(record.pk)])
        return format_html('<a href="{}">{}</a>', url, record)

    def _name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"

    # --- Actions

    def do_to_each(
        self,
        request: HttpRequest,
        records: Iterable[M],
        verb: Callable[[M, datetime | None], object],
        done: str,
    ) -> None:
        """Call a service for each record; log what was `done`, and tell staff what wasn't, and why.

        `verb` gets the record and the version on which it was decided, for the service to compare.
        """
        chosen = list(records)
        count = 0
        for record in chosen:
            if self._is_changed(request, record, verb):
                self.log_change(request, record, done)
                count += 1
        if count:
            self.message_user(request, f"{done}: {count}", messages.SUCCESS)
        self.tell_of_missing(request, chosen)

    def _is_changed(
        self, request: HttpRequest, record: M, verb: Callable[[M, datetime | None], object]
    ) -> bool:
        """Call `verb`; if that leaves the record as it was, tell staff why and return False."""
        try:
            seen = self._seen_version(request, record)
            is_changed = version_of(verb(record, seen)) != record.version
        except (ConflictError, NotFoundError, RuleError) as error:
            self.message_user(request, f"{record}: {self.sentence(error)}", messages.ERROR)
            return False
        if not is_changed:
            self._tell_of_no_change(request, record)
        return is_changed

    def _seen_version(self, request: HttpRequest, record: M) -> datetime | None:
        """Return the version on which an action was decided, which a form carries and a list doesn't.

        In a list staff decide on the status, and what may follow it is checked with the write.

        Raises:
            StaleVersionError: the form showed another version.

        """
        match = request.resolver_match
        if match is None or "object_id" not in match.kwargs:
            return None
        if request.POST.get("version") != record.version:
            raise StaleVersionError
        return from_iso(record.version) if record.version else UNVERSIONED

    def tell_of_missing(self, request: HttpRequest, records: Iterable[M]) -> None:
        """Tell staff which of the records they ticked were deleted, or changed out of the list's filter."""
        if not self._means_all(request):  # else all that match are meant, whichever these are now
            self._tell_of_missing(request, self.selected_ids(request), records)

    def _tell_of_missing(
        self, request: HttpRequest, ids: Iterable[str], records: Iterable[M]
    ) -> None:
        there = {record.pk for record in records}
        for record_id in dict.fromkeys(ids):
            if record_id not in there:
                text = _("It isn't in this list any more.")
                record = self.model(pk=record_id)
                self.message_user(request, f"{record}: {text}", messages.ERROR)

    def _means_all(self, request: HttpRequest) -> bool:
        return request.POST.get("select_across") == "1"

    def may(self, request: HttpRequest, what: str) -> bool:
        """Whether the user has this permission on the model, e.g. "view_dni"."""
        return request.user.has_perm(f"{self.opts.app_label}.{what}")

    def selected_ids(self, request: HttpRequest) -> list[str]:
        """Return the ids that were ticked in the list."""
        return request.POST.getlist(helpers.ACTION_CHECKBOX_NAME)


def _seen_versions(request: HttpRequest) -> dict[str, str]:
    """Return the versions that the page showed which asked before deleting, by id."""
    try:
        seen = json.loads(request.POST.get("versions", ""))
    except ValueError:
        return {}
    return seen if isinstance(seen, dict) else {}


class ReadOnlyRecordAdmin[M: Record](RecordAdmin[M]):
    """Lists and shows records that staff don't write."""

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False
