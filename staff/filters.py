"""Filters of the staff's lists, each on something that an index knows."""

from collections.abc import Mapping
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

PERIODS = {
    "1": _("Last 24 hours"),
    "7": _("Last 7 days"),
    "30": _("Last 30 days"),
}


class ChoiceFilter(admin.SimpleListFilter):
    """One of a few values. A value that isn't among them is no filter, but a mistake."""

    choices_shown: ClassVar[Mapping[Any, Any]] = {}

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(str(value), label) for value, label in self.choices_shown.items()]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None:
            return queryset
        if value not in {str(choice) for choice, _ in self.lookup_choices}:
            raise IncorrectLookupParameters
        return self.chosen(queryset, value)

    def chosen(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Return the records of this value."""
        return queryset.filter(**{str(self.parameter_name): value})


class PeriodFilter(ChoiceFilter):
    """Records whose `field` lies in the last days."""

    parameter_name = "days"
    choices_shown = PERIODS
    field: ClassVar[str]

    @override
    def chosen(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(**{f"{self.field}__gte": now() - timedelta(days=int(value))})


class PlaceFilter(ChoiceFilter):
    """Records from an instant on, in the list's order: where a list that stopped early is gone on with."""

    title = _("where it begins")
    parameter_name = "from"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        asked = request.GET.get("from", "")
        try:
            return [(asked, format_instant(from_iso(asked)))]
        except (ValueError, OverflowError):  # at the calendar's ends an instant has no local time
            return []

    @override
    def has_output(self) -> bool:
        return self.value() is not None

    @override
    def chosen(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        assert isinstance(queryset, RecordQuerySet)
        return queryset.beginning_at(to_iso(from_iso(value)))
