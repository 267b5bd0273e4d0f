"""Entries about the business in the staff admin."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, override

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from appointments.information import services
from appointments.information_admin_records import InformationEntry, entry_record
from common import clock
from staff.admin import RecordAdmin


@admin.register(InformationEntry)
class InformationEntryAdmin(RecordAdmin[InformationEntry]):
    """What the assistant answers about the business."""

    list_display = ("title", "text_shown")
    sortable_fields = frozenset({"title"})
    search_help_text = gettext_lazy("Words of an entry.")
    readonly_fields = ("created_at", "updated_at")

    @admin.display(description=gettext_lazy("answer"))
    def text_shown(self, entry: InformationEntry) -> str:
        """Return the beginning of the answer."""
        return entry.text if len(entry.text) <= 100 else f"{entry.text[:100]}…"

    @override
    def get_fields(self, request: HttpRequest, obj: InformationEntry | None = None) -> Any:
        fields = ["title", "text", "keywords"]
        return fields if obj is None else [*fields, ("created_at", "updated_at")]

    @override
    def save_record(
        self, request: HttpRequest, form: Any, formsets: Any, *, change: bool
    ) -> InformationEntry:
        values = {name: form.cleaned_data[name] for name in ("title", "text", "keywords")}
        if not change:
            return entry_record(services.add_entry(**values, now=clock.now()))
        updated = services.update_entry(
            entry=replace(services.get_entry(entry_id=form.instance.id), **values),
            unchanged_since=form.shown_version(),
            now=clock.now(),
        )
        return entry_record(updated)

    @override
    def delete_record(self, record: InformationEntry) -> None:
        services.delete_entry(entry_id=record.pk, unchanged_since=record.updated_at)

    @override
    def csv_columns(
        self, request: HttpRequest
    ) -> Sequence[tuple[str, Callable[[InformationEntry], object]]]:
        return [
            (_("title"), lambda each: each.title),
            (_("answer"), lambda each: each.text),
            (_("other words"), lambda each: each.keywords),
        ]
