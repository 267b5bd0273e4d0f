"""The face that a record of ours shows to Django's admin: an unmanaged model without a table.

It gives the admin its content types, permissions, history and forms. It is no storage: it is made
from a domain value when a list or form is shown, and what staff change goes through the services.
"""

from typing import Any, ClassVar, NoReturn, override

from django.db import models

from common.timestamps import to_iso
from staff.queryset import RecordQuerySet, Source
from staff.record_filter import UnsupportedQueryError


def version_of(record: object) -> str:
    """Return the `updated_at` of a record, or of a domain's value, as text; "" if it has none."""
    updated_at = getattr(record, "updated_at", None)
    return to_iso(updated_at) if updated_at else ""


class Record(models.Model):
    """An unmanaged model, read from `source` and never saved by itself."""

    source: ClassVar[Source[Any]]

    objects = RecordQuerySet[Any].as_manager()

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
        """Whether it was read, and not made by an empty form."""
        return not self._state.adding

    @property
    def version(self) -> str:
        """The record's `updatedAt`, which a change is made conditional on; "" if it has none."""
        return version_of(self)

    @classmethod
    def read(cls, **values: Any) -> Any:
        """Return a record that is stored already."""
        record = cls(**values)
        record._state.adding = False
        record._state.db = "default"
        return record
