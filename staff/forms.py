"""The form in which staff edit a record.

It has two hidden fields. `version` is the record's `updatedAt` when the form was shown: if the record
has changed since, nothing is saved, and the form shows the stored values. `token` makes creation
idempotent: a double click makes one order.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, override

from django import forms
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.translation import gettext as _

from common.contact import check_email_characters
from common.errors import DomainError, InvalidFieldError, StaleVersionError
from common.ids import opaque_id
from common.timestamps import from_iso
from staff.records import Record

EMAIL_FIELD = "customer_email"
"""The name under which an error about an address has its label."""
HIDDEN_FIELDS = frozenset({"version", "token"})

if TYPE_CHECKING:  # the stubs' class is generic, Django's isn't
    _ModelForm = forms.ModelForm[Any]
else:
    _ModelForm = forms.ModelForm


class ContactEmailField(forms.EmailField):
    """An e-mail address; one with an accent or a hidden character is refused by a sentence that says so."""

    @override
    def run_validators(self, value: Any) -> None:
        try:
            check_email_characters(str(value), field=EMAIL_FIELD)
        except InvalidFieldError as error:
            raise forms.ValidationError(error.message, code="invalid") from error
        super().run_validators(value)


class RecordForm(_ModelForm):
    """A form for adding or changing a record."""

    version = forms.CharField(required=False, widget=forms.HiddenInput)
    token = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    service_error: ClassVar[DomainError | None] = None
    """The service's error for this submission; set on the form class, which Django makes per request."""
    error_fields: ClassVar[Mapping[str, str]] = {}
    """The field at which an error is shown, by the error's code or by its field's name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        record: Record = self.instance
        self.initial["version"] = record.version
        self.initial["token"] = opaque_id()

    @cached_property
    def changed_data(self) -> list[str]:
        """Return the names of the fields that staff changed; the history shows them, too."""
        return [name for name in super().changed_data if name not in HIDDEN_FIELDS]

    @override
    def clean(self) -> dict[str, Any] | None:
        """Add an error if the record has changed since, or if the service refused the submission."""
        cleaned = super().clean()
        record: Record = self.instance
        if record.is_stored and self.data.get(self.add_prefix("version"), "") != record.version:
            self._add_stale_version_errors()
        elif self.service_error is not None:
            field = self._error_field(self.service_error)
            self.add_error(field, self.error_text(self.service_error))
        return cleaned

    def error_text(self, error: DomainError) -> str:
        """Return the text that staff see for an error."""
        return error.message

    def changed_values(self) -> dict[str, Any]:
        """Return the values that staff changed, by field name."""
        return {name: self.cleaned_data[name] for name in self.changed_data}

    def new_token(self) -> str:
        """Return the idempotency token of the record that this form creates."""
        return str(self.cleaned_data["token"]) or opaque_id()

    def shown_version(self) -> datetime | None:
        """Return the `updated_at` of the record when the form was shown; None if it had none."""
        version = self.cleaned_data["version"]
        return from_iso(version) if version else None

    def _error_field(self, error: DomainError) -> str | None:
        name = self.error_fields.get(error.code)
        if isinstance(error, InvalidFieldError):
            field = str(error.data["field"])
            name = field if field in self.fields else self.error_fields.get(field)
        return name if name in self.fields else None

    def _add_stale_version_errors(self) -> None:
        self.errors.clear()
        self.add_error(None, StaleVersionError().message)
        again = _(
            'Nothing was saved. <a href="{}">Reload the page</a> to go on from what is stored now.'
        )
        self.add_error(None, format_html(again, ""))
        for name in self.changed_data:
            stored = self._stored_text(name)
            self.add_error(name, _("Stored now: %(value)s") % {"value": stored})

    def _stored_text(self, name: str) -> str:
        value = self.get_initial_for_field(self.fields[name], name)
        choices = dict(getattr(self.fields[name], "choices", ()))
        values = value if isinstance(value, list) else [value]
        shown = [str(choices.get(each, each)) for each in values if each not in {None, ""}]
        return ", ".join(shown) or "–"
