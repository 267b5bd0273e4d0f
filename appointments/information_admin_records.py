"""Entries about the business as a model of Django's admin. It has no SQL table."""

from typing import Any, ClassVar, override

from django.db import models
from django.utils.translation import gettext_lazy as _

from appointments.errors import EntryNotFoundError
from appointments.information import services
from appointments.information.domain import MAX_TEXT_LENGTH, MAX_TITLE_LENGTH, Entry
from common.dynamodb.paging import Page
from staff.record_filter import RecordFilter
from staff.records import Record


class InformationEntrySource:
    """Reads the entries for the admin."""

    conditions: frozenset[str] = frozenset()
    sort_fields = frozenset({"title"})
    email_field = None

    def find_by_id(self, record_id: str) -> "InformationEntry | None":
        """Return the entry with this id, or None."""
        try:
            return entry_record(services.get_entry(entry_id=record_id))
        except EntryNotFoundError:
            return None

    def read_page(
        self, record_filter: RecordFilter, *, cursor: str | None, limit: int
    ) -> Page["InformationEntry"]:
        """Return all entries: there are at most a few hundred."""
        del cursor, limit
        found = sorted(
            services.list_entries(),
            key=lambda each: each.title.casefold(),
            reverse=record_filter.order.startswith("-"),
        )
        return Page(items=[entry_record(each) for each in found])

    def search_text(self, record: "InformationEntry") -> str:
        """Return the text that a search looks in."""
        return f"{record.title} {record.text} {record.keywords}"


class InformationEntry(Record):
    """An entry about the business in the admin."""

    source: ClassVar[Any] = InformationEntrySource()

    id = models.CharField(primary_key=True, max_length=10, editable=False)
    title = models.CharField(
        _("title"),
        max_length=MAX_TITLE_LENGTH,
        help_text=_("The assistant names it in its answer: Obras sociales."),
    )
    text = models.TextField(
        _("answer"),
        max_length=MAX_TEXT_LENGTH,
        help_text=_("What the assistant may say, and nothing else."),
    )
    keywords = models.TextField(
        _("other words"),
        max_length=MAX_TEXT_LENGTH,
        blank=True,
        help_text=_("By which customers also ask for it: prepaga, cobertura."),
    )
    created_at = models.DateTimeField(_("added on"), null=True, editable=False)
    updated_at = models.DateTimeField(_("last change"), null=True, editable=False)

    class Meta(Record.Meta):
        """Names and order."""

        abstract = False
        ordering: ClassVar = ["title"]
        verbose_name = _("information")
        verbose_name_plural = _("information for customers")

    @override
    def __str__(self) -> str:
        return self.title or self.id


def entry_record(entry: Entry) -> InformationEntry:
    """Return the entry as a record of the admin."""
    record: InformationEntry = InformationEntry.from_stored(
        id=entry.id,
        title=entry.title,
        text=entry.text,
        keywords=entry.keywords,
        created_at=entry.created_at,
        updated_at=entry.updated_at,
    )
    return record
