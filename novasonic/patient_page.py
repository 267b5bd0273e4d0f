"""What is stored of a patient or customer, on one page: appointments, orders, and the calls that made or changed them.

They are found by e-mail address and identity number through the tables' indexes, so a page costs at most six
requests to DynamoDB. Personal data don't stand in addresses: the page is opened from a record, or by a form.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from typing import Any, Protocol

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

import appointments.services
import conversations.services
import orders.services
from appointments.domain import Appointment, AppointmentQuery
from appointments.labels import KIND_LABELS, state_label
from common import clock
from common.contact import clean_dni, clean_email, mask_phone
from common.dynamodb.paging import Page
from common.errors import InvalidFieldError
from common.identity.verification import mask_dni
from common.record_changes import RecordChange
from common.rest.permissions import VIEW_DNI, VIEW_PHONE
from conversations.admin_records import conversation_record
from conversations.admin_transcript import format_length
from orders.domain import Order, OrderQuery
from orders.labels import STATUS_LABELS as ORDER_LABELS

MAX_RECORDS = 50
"""So many of the latest appointments, and of the orders, are shown."""
MAX_CALLS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """By what a patient's records are found."""

    email: str | None = None
    dni: str | None = None

    def parts(self) -> list["Contact"]:
        """Return a contact for each index that is to be read."""
        parts = [Contact(email=self.email), Contact(dni=self.dni)]
        return [part for part in parts if part != Contact()]


class ContactForm(forms.Form):
    """An e-mail address or an identity number."""

    contact = forms.CharField(
        label=gettext_lazy("E-mail address or identity number"),
        max_length=254,
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
    )

    def __init__(self, data: Any = None, *, sees_dni: bool) -> None:
        super().__init__(data)
        self.sees_dni = sees_dni
        if not sees_dni:
            self.fields["contact"].label = _("E-mail address")

    def clean_contact(self) -> Contact:
        """Return what to look for."""
        text = self.cleaned_data["contact"]
        try:
            if "@" in text:
                return Contact(email=clean_email(text, field="email"))
            if self.sees_dni:
                return Contact(dni=clean_dni(text))
        except InvalidFieldError as error:
            raise forms.ValidationError(error.message) from error
        raise forms.ValidationError(_("Write a whole e-mail address."))


def patient_context(request: HttpRequest) -> dict[str, Any]:
    """Return the template context: the form, and what was found if there is a contact.

    Raises:
        PermissionDenied: the user may see neither appointments nor orders, or not the record of the address.
        NotFoundError: there is no such record.

    """
    if not (_may_view(request, "appointment") or _may_view(request, "order")):
        raise PermissionDenied
    sees_dni = request.user.has_perm(VIEW_DNI)
    is_search = request.method == "POST"
    form = ContactForm(request.POST if is_search else None, sees_dni=sees_dni)
    contact: Contact | None
    if is_search:
        contact = form.cleaned_data["contact"] if form.is_valid() else None
    else:
        contact = _contact_of_record(request)
        if contact is not None and not sees_dni:
            contact = replace(contact, dni=None)
    context: dict[str, Any] = {"title": _("Patient file"), "form": form, "is_found": False}
    return context | (_found(request, contact, sees_dni=sees_dni) if contact else {})


def _may_view(request: HttpRequest, kind: str) -> bool:
    app = {"appointment": "appointments", "order": "orders", "conversation": "conversations"}[kind]
    return request.user.has_perm(f"{app}.view_{kind}")


def _contact_of_record(request: HttpRequest) -> Contact | None:
    """Return the contact of the record that the address names, or None if it names none."""
    for kind in ("appointment", "order"):
        if record_id := request.GET.get(kind):
            if not _may_view(request, kind):
                raise PermissionDenied
            if kind == "order":
                order = orders.services.get_order(order_id=record_id)
                return Contact(email=order.customer_email, dni=order.dni)
            appointment = appointments.services.get_appointment(appointment_id=record_id)
            return Contact(email=appointment.patient_email, dni=appointment.dni)
    return None


def _found(request: HttpRequest, contact: Contact, *, sees_dni: bool) -> dict[str, Any]:
    now = clock.now()
    booked: list[Appointment] = []
    ordered: list[Order] = []
    is_more = False
    if _may_view(request, "appointment"):
        booked, is_more = _merge(contact, _latest_appointments, attrgetter("starts_at"))
    if _may_view(request, "order"):
        ordered, is_more_ordered = _merge(contact, _latest_orders, attrgetter("created_at"))
        is_more = is_more or is_more_ordered
    names = [each.patient_name for each in booked] + [each.customer_name for each in ordered]
    emails = [each.patient_email for each in booked] + [each.customer_email for each in ordered]
    numbers = [
        dni for dni in (*(each.dni for each in booked), *(each.dni for each in ordered)) if dni
    ]
    sees_phone = request.user.has_perm(VIEW_PHONE)
    phones = dict.fromkeys(each.phone for each in booked if each.phone)
    coming = [each for each in booked if each.is_open and each.starts_at > now]
    return {
        "is_found": True,
        "is_empty": not booked and not ordered,
        "is_more": is_more,
        "max_records": MAX_RECORDS,
        "names": list(dict.fromkeys(names)),
        "emails": list(dict.fromkeys([*([contact.email] if contact.email else []), *emails])),
        "numbers": [each if sees_dni else mask_dni(each) for each in dict.fromkeys(numbers)],
        "phones": [each if sees_phone else mask_phone(each) for each in phones],
        "sees_appointments": _may_view(request, "appointment"),
        "sees_orders": _may_view(request, "order"),
        "sees_calls": _may_view(request, "conversation"),
        "coming": [_appointment_row(each) for each in reversed(coming)],
        "earlier": [_appointment_row(each) for each in booked if each not in coming],
        "orders": [{"record": each, "state": ORDER_LABELS[each.status]} for each in ordered],
        "calls": _calls((*booked, *ordered), now) if _may_view(request, "conversation") else [],
    }


class _Stored(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def changes(self) -> tuple[RecordChange, ...]: ...


def _merge[T: _Stored](
    contact: Contact, latest: Callable[[Contact], Page[T]], instant: Callable[[T], datetime]
) -> tuple[list[T], bool]:
    """Return the latest records under any part of the contact, each once, and whether there are more."""
    pages = [latest(part) for part in contact.parts()]
    records = {each.id: each for page in pages for each in page.items}
    merged = sorted(records.values(), key=instant, reverse=True)
    is_more = any(page.cursor is not None for page in pages) or len(merged) > MAX_RECORDS
    return merged[:MAX_RECORDS], is_more


def _latest_appointments(contact: Contact) -> Page[Appointment]:
    query = AppointmentQuery(patient_email=contact.email, dni=contact.dni, latest_first=True)
    return appointments.services.list_appointments(query=query, limit=MAX_RECORDS)


def _latest_orders(contact: Contact) -> Page[Order]:
    query = OrderQuery(customer_email=contact.email, dni=contact.dni)
    return orders.services.list_orders(query=query, limit=MAX_RECORDS)


def _appointment_row(appointment: Appointment) -> dict[str, Any]:
    return {
        "record": appointment,
        "state": state_label(appointment),
        "kind": KIND_LABELS[appointment.kind],
    }


def _calls(records: Iterable[_Stored], now: datetime) -> Sequence[dict[str, Any]]:
    """Return the latest calls that made or changed these records, as far as they are still stored."""
    changes = sorted(
        (change for record in records for change in record.changes),
        key=attrgetter("at"),
        reverse=True,
    )
    call_ids = dict.fromkeys(
        change.origin.call_id for change in changes if change.origin.call_id is not None
    )
    latest = [*call_ids][:MAX_CALLS]
    found = conversations.services.list_conversations(call_ids=latest, now=now)
    return [
        {
            "record": each,
            "state": conversation_record(each, now).get_state_display(),
            "state_value": each.state_at(now).value,
            "length": format_length(each.duration_at(now)),
        }
        for each in found
    ]
