"""The form in which staff edit a record: it knows which version they saw.

Two hidden fields travel with it. `version` is the record's `updatedAt` when the form was shown: if
the record has changed since, nothing is written, and the form says what it holds now. `token`
makes a new record's creation safe to repeat: a double click makes one order.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, override

from django import forms
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.translation import gettext as _

from common.errors import DomainError, InvalidFieldError, StaleVersionError
from common.ids import opaque_id
from common.timestamps import from_iso
from staff.records import Record

HIDDEN = frozenset({"version", "token"})

if TYPE_CHECKING:  # the stubs' class is generic, Django's isn't
    _ModelForm = forms.ModelForm[Any]
else:
    _ModelForm = forms.ModelForm


class RecordForm(_ModelForm):
    """A record as staff see and change it."""

    version = forms.CharField(required=False, widget=forms.HiddenInput)
    token = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    refusal: ClassVar[DomainError | None] = None
    """What the service refused this very form with; set on the class made for one request."""
    error_fields: ClassVar[Mapping[str, str]] = {}
    """By an error's code, the field beside which it is shown."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        record: Record = self.instance
        self.initial["version"] = record.version
        self.initial["token"] = opaque_id()

    @cached_property
    def changed_data(self) -> list[str]:
        """Name the fields that staff changed; the history names them too."""
        return [name for name in super().changed_data if name not in HIDDEN]

    @override
    def clean(self) -> dict[str, Any] | None:
        """Refuse what is no longer what staff saw, or what the service has refused."""
        cleaned = super().clean()
        record: Record = self.instance
        if record.is_stored and self.data.get(self.add_prefix("version"), "") != record.version:
            self._tell_what_changed()
        elif self.refusal is not None:
            field = self._field_of(self.refusal)
            self.add_error(field, self.sentence(self.refusal))
        return cleaned

    def sentence(self, error: DomainError) -> str:
        """Return what staff read about an error."""
        return error.message

    def changes(self) -> dict[str, Any]:
        """Return what staff changed, by the record's field names."""
        return {name: self.cleaned_data[name] for name in self.changed_data}

    def new_token(self) -> str:
        """Return the token of the record that this form makes."""
        return str(self.cleaned_data["token"]) or opaque_id()

    def seen_version(self) -> datetime | None:
        """Return the `updated_at` of the record that staff saw."""
        seen = self.cleaned_data["version"]
        return from_iso(seen) if seen else None

    def _field_of(self, error: DomainError) -> str | None:
        name = self.error_fields.get(error.code)
        if isinstance(error, InvalidFieldError):
            said = str(error.data["field"])
            name = said if said in self.fields else self.error_fields.get(said)
        return name if name in self.fields else None

    def _tell_what_changed(self) -> None:
        self.errors.clear()
        self.add_error(None, StaleVersionError().message)
        again = _(
            'Nothing was saved. <a href="{}">Reload the page</a> to go on from what is stored now.'
        )
        self.add_error(None, format_html(again, ""))
        for name in self.changed_data:
            stored = self._shown(name)
            self.add_error(name, _("Stored now: %(value)s") % {"value": stored})

    def _shown(self, name: str) -> str:
        value = self.get_initial_for_field(self.fields[name], name)
        choices = dict(getattr(self.fields[name], "choices", ()))
        return str(choices.get(value, value) if value not in {None, ""} else "–")
