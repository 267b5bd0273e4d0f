"""What people call the fields of records, in sentences about them."""

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
}
"""By the name under which an `InvalidFieldError` names it; the same words as in the staff's forms."""


def field_label(path: str) -> str:
    """Return what people call a field: "products 1 price of one" is `items.0.price`.

    One that has no label is "value": its name is for programs.
    """
    return " ".join(map(_word, path.split(".")))


def _word(part: str) -> str:
    if part.isdecimal():
        return str(int(part) + 1)
    return str(FIELD_LABELS.get(part, _("value")))
