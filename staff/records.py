"""The base class of records in Django's admin: unmanaged models without a table.

A record gives the admin content types, permissions, history and forms. It is made from a domain
value when a list or form is shown. Changes by staff go through the services.
"""

from typing import Any, ClassVar, NoReturn, override

from django.db import models

from common.text import visible
from common.timestamps import to_iso
from staff.queryset import RecordQuerySet
from staff.record_filter import UnsupportedQueryError
from staff.sources import RecordSource


def version_of(record: object) -> str:
    """Return the `updated_at` of a record or a domain value, as text; "" if it has none."""
    updated_at = getattr(record, "updated_at", None)
    return to_iso(updated_at) if updated_at else ""


class Record(models.Model):
    """An unmanaged model that is read from `source` and never saves itself."""

    source: ClassVar[RecordSource[Any]]

    objects = RecordQuerySet[Any].as_manager()  # type: ignore[django-manager-missing, unused-ignore]  # the plugin, at times

    class Meta:
        """Not in SQL."""

        abstract = True
        managed = False
        base_manager_name = "objects"

    @override
    def save(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise UnsupportedQueryError(type(self), "save(): call its service")

    @override
    def save_base(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise UnsupportedQueryError(type(self), "save_base(): call its service")

    @override
    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise UnsupportedQueryError(type(self), "delete(): call its service")

    @property
    def is_stored(self) -> bool:
        """Whether it was read from its source, and not made by an empty form."""
        return not self._state.adding

    @property
    def version(self) -> str:
        """The record's `updatedAt`, on which changes are conditional; "" if it has none."""
        return version_of(self)

    @classmethod
    def from_stored(cls, **values: Any) -> Any:
        """Return a record with the values of a stored one, hidden characters in texts replaced.

        What was stored before such characters were refused is never shown in another order than it is
        stored. A form that doesn't change the text doesn't store the replaced one either.
        """
        shown = {
            name: visible(value) if isinstance(value, str) else value
            for name, value in values.items()
        }
        record = cls(**shown)
        record._state.adding = False
        record._state.db = "default"
        return record
