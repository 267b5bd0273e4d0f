"""The staff's lists, page by page, without counting what isn't shown.

To count all orders costs as many requests as there are statuses, each the dearer the more there
are. So a page reads one record more than it shows; that tells whether another page follows, and the
list says "more than 25" instead of a number. The last page knows the number.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any, override

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.paginator import Page, Paginator
from django.http import HttpRequest
from django.utils.translation import gettext as _

from staff.filters import PlaceFilter
from staff.queryset import RecordPage, RecordQuerySet

if TYPE_CHECKING:  # the stubs' class is generic, Django's isn't
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator


def page_number(request: HttpRequest) -> int:
    """Return the page that is asked for, by a list (`p`) or by an autocomplete (`page`)."""
    asked = request.GET.get(PAGE_VAR) or request.GET.get("page") or "1"
    return int(asked) if asked.isdecimal() and len(asked) < 6 and int(asked) else 1


class RecordPaginator(_Paginator):
    """Pages of records; reads the one page that is shown, once."""

    def __init__(self, records: RecordQuerySet[Any], per_page: int, *, shown: int) -> None:
        super().__init__(records, per_page)
        self.records = records
        self.shown = shown

    @cached_property
    def found(self) -> RecordPage[Any]:
        """The records of the page that is shown."""
        return self.records.page((self.shown - 1) * self.per_page, self.per_page)

    @property
    def is_partial(self) -> bool:
        """Whether there may be more, further than was looked."""
        return self.found.stopped_at is not None

    @property
    def is_open(self) -> bool:
        """Whether `count` is only what is known so far."""
        return self.found.more

    @cached_property
    def known_before_next_page(self) -> int:
        """How many records there are up to the end of this page."""
        return (self.shown - 1) * self.per_page + len(self.found.records)

    @cached_property
    def count(self) -> int:
        """How many records there are, as far as this page tells."""
        return self.known_before_next_page + self.found.more if self.found.records else 0

    @override
    def page(self, number: int | str) -> "Page[Any]":
        """Return the page that is shown."""
        return Page(self.found.records, self.validate_number(number), self)


class RecordChangeList(ChangeList):
    """Django's list, sorted only where an index sorts."""

    paginator: RecordPaginator

    @override
    def get_results(self, request: HttpRequest) -> None:
        """Read the page that is shown; a page behind the last is no page."""
        super().get_results(request)
        if self.page_num > 1 and not self.paginator.found.records:
            raise IncorrectLookupParameters
        self.result_list = self.paginator.found.records

    def address_from(self, instant: str) -> str:
        """Return the address of the same list from an instant on."""
        return self.get_query_string({str(PlaceFilter.parameter_name): instant}, remove=[PAGE_VAR])

    @override
    def get_ordering(self, request: HttpRequest, queryset: Any) -> list[Any]:
        """Return the order; tell staff if they asked, by the address, for one that no index gives."""
        ordering = super().get_ordering(request, queryset)
        if ordering != ["-pk"]:
            return ordering
        messages.warning(request, _("This list can't be sorted by that column."))
        return [*(self.lookup_opts.ordering or ())]

    @override
    def get_ordering_field(self, field_name: Any) -> Any:
        """Return the field if an index sorts by it; the others are as if they couldn't be sorted."""
        field = super().get_ordering_field(field_name)
        return field if field in self.model_admin.sorts_by else None  # type: ignore[attr-defined]  # ours is a RecordAdmin
