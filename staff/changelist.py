"""The admin's lists, page by page, without counting all records.

Counting all orders would cost as many requests as there are statuses, each slower the more orders
there are. So a page reads one record more than it shows. That tells whether a next page exists, and
the list says "more than 25" instead of a number. Only the last page knows the number.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, override

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.paginator import Page, Paginator
from django.http import HttpRequest
from django.utils.translation import gettext as _

from staff.filters import StartFilter
from staff.queryset import RecordPage, RecordQuerySet

if TYPE_CHECKING:  # the stubs' class is generic, Django's isn't
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator


def requested_page(request: HttpRequest) -> int:
    """Return the number of the page that a list (`p`) or an autocomplete (`page`) requests."""
    number = request.GET.get(PAGE_VAR) or request.GET.get("page") or "1"
    return int(number) if number.isdecimal() and len(number) < 6 and int(number) else 1


class RecordPaginator(_Paginator):
    """A paginator that reads only the requested page, once."""

    def __init__(self, records: RecordQuerySet[Any], per_page: int, *, current_page: int) -> None:
        super().__init__(records, per_page)
        self.records = records
        self.current_page = current_page

    @cached_property
    def record_page(self) -> RecordPage[Any]:
        """The requested page."""
        return self.records.read_page((self.current_page - 1) * self.per_page, self.per_page)

    @property
    def is_partial(self) -> bool:
        """Whether reading stopped before the end of the list."""
        return self.record_page.stopped_at is not None

    @property
    def is_open(self) -> bool:
        """Whether `count` is only a lower bound."""
        return self.record_page.has_next

    @cached_property
    def known_before_next_page(self) -> int:
        """The number of records up to the end of this page."""
        return (self.current_page - 1) * self.per_page + len(self.record_page.records)

    @cached_property
    def count(self) -> int:
        """The number of records that this page knows of."""
        if not self.record_page.records:
            return 0
        return self.known_before_next_page + self.record_page.has_next

    @override
    def page(self, number: int | str) -> "Page[Any]":
        """Return the requested page."""
        return Page(self.record_page.records, self.validate_number(number), self)


class RecordChangeList(ChangeList):
    """Django's list, which sorts only by fields that an index sorts by."""

    paginator: RecordPaginator

    @override
    def get_results(self, request: HttpRequest) -> None:
        """Read the requested page. A page behind the last one is an error."""
        super().get_results(request)
        if self.page_num > 1 and not self.paginator.record_page.records:
            raise IncorrectLookupParameters
        self.result_list = self.paginator.record_page.records

    def url_starting_at(self, instant: str) -> str:
        """Return the URL of the same list from an instant on."""
        return self.get_query_string({str(StartFilter.parameter_name): instant}, remove=[PAGE_VAR])

    @override
    def get_ordering(self, request: HttpRequest, queryset: Any) -> list[Any]:
        """Return the order; warn staff if the URL requests one that no index serves."""
        self._default_ordering: Sequence[str] = self.model_admin.default_ordering(request)  # type: ignore[attr-defined]  # ours is a RecordAdmin
        ordering = super().get_ordering(request, queryset)
        if ordering != ["-pk"]:  # Django's answer if no requested field is left
            return ordering
        messages.warning(request, _("This list can't be sorted by that column."))
        return [*self._default_ordering]

    def _get_default_ordering(self) -> Sequence[str]:
        return self._default_ordering

    @override
    def get_ordering_field(self, field_name: Any) -> Any:
        """Return the field if an index sorts by it; else None, as for a column without sorting."""
        field = super().get_ordering_field(field_name)
        return field if field in self.model_admin.sortable_fields else None  # type: ignore[attr-defined]  # ours is a RecordAdmin
