"""Labels of the fields of records, for error messages to people."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

FIELD_LABELS: Mapping[str, Promise] = {
    "customer_name": _("customer"),
    "customer_email": _("e-mail"),
    "dni": _("identity number"),
    "items": _("products"),
    "id": _("number"),
    "name": _("product"),
    "quantity": _("quantity"),
    "price": _("price of one"),
    "description": _("description"),
    "total": _("total"),
    "tracking_number": _("tracking number"),
    "patient_name": _("patient"),
    "patient_email": _("e-mail"),
    "doctor_name": _("doctor"),
    "date": _("day and time"),
    "duration": _("minutes"),
    "notes": _("notes"),
    "type": _("type"),
    "status": _("status"),
    "estimated_delivery": _("estimated delivery"),
    "updated_at": _("last change"),
    "message": _("message"),
    "note": _("note"),
    "phone": _("phone number"),
}
"""Labels by the field name in an `InvalidFieldError`; the staff's forms use the same labels."""


def field_label(path: str) -> str:
    """Return the label of a field: `items.0.price` is "products 1 price of one".

    A field without a label is "value".
    """
    return " ".join(map(_part_label, path.split(".")))


def _part_label(part: str) -> str:
    if part.isdecimal():
        return str(int(part) + 1)
    return str(FIELD_LABELS.get(part, _("value")))
