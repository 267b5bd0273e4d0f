"""Filters of the admin's lists. Each is a condition that an index serves."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, ClassVar, override

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from common.clock import now
from common.timestamps import from_iso, to_iso
from staff.formatting import format_instant
from staff.queryset import RecordQuerySet

PERIOD_LABELS = {
    "1": _("Last 24 hours"),
    "7": _("Last 7 days"),
    "30": _("Last 30 days"),
}
"""Labels by number of days."""

ALL = "all"


def _names_records(request: HttpRequest) -> bool:
    """Whether the request says which records it means: by a search, a start, or their ids."""
    is_action_on_ids = request.method == "POST" and request.POST.get("select_across") != "1"
    return is_action_on_ids or any(request.GET.get(name) for name in ("q", "from"))


class ChoiceFilter(admin.SimpleListFilter):
    """A filter with a fixed set of values. Any other value in the URL is an error."""

    choice_labels: ClassVar[Mapping[Any, Any]] = {}

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        everything = [] if self.default_label is None else [(ALL, _("All"))]
        return [*everything, *((str(value), label) for value, label in self.choice_labels.items())]

    default_label: ClassVar[Any] = None
    """What the list shows without a choice, if that is not everything; then ALL is a choice, too."""

    @override
    def choices(self, changelist: Any) -> Iterator[Any]:
        first, *others = super().choices(changelist)
        if self.default_label is not None:
            first["display"] = self.default_label
            first["selected"] = self.value() is None
        yield from (first, *others)

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None:
            return queryset if _names_records(request) else self.apply_default(queryset)
        if value == ALL and self.default_label is not None:
            return queryset
        if value not in {str(choice) for choice, _label in self.lookup_choices}:
            raise IncorrectLookupParameters
        return self.apply_choice(queryset, value)

    def apply_default(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the records that are shown without a choice and without a search."""
        return queryset

    def apply_choice(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Return the records that the chosen value selects."""
        return queryset.filter(**{str(self.parameter_name): value})


class PeriodFilter(ChoiceFilter):
    """A filter on the last days of the instant in `field`."""

    parameter_name = "days"
    choice_labels = PERIOD_LABELS
    field: ClassVar[str]

    @override
    def apply_choice(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(**{f"{self.field}__gte": now() - timedelta(days=int(value))})


class StartFilter(ChoiceFilter):
    """The instant at which a list starts, in its order: the link to the rest of a long list sets it."""

    title = _("where it begins")
    parameter_name = "from"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        requested = request.GET.get("from", "")
        try:
            return [(requested, format_instant(from_iso(requested)))]
        except (ValueError, OverflowError):  # at the calendar's ends an instant has no local time
            return []

    @override
    def has_output(self) -> bool:
        return self.value() is not None

    @override
    def apply_choice(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        assert isinstance(queryset, RecordQuerySet)
        return queryset.starting_at(to_iso(from_iso(value)))
