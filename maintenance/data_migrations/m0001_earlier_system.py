"""Bring records of the owner's earlier system into the form that the models read.

Each record is converted by itself; what it has besides stays as it is. Unclear values are not guessed:
such a record is reported and stays as it was. What is inferred (a creation time from the delivery, a
usual length) is counted in the report.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import override
from zoneinfo import ZoneInfo

from appointments.domain import (
    MAX_DURATION_MINUTES,
    MIN_DURATION_MINUTES,
    AppointmentKind,
    AppointmentStatus,
    doctor_key,
)
from common.dynamodb.bulk import Item, key_of
from common.identity.verification import parse_dni
from common.timestamps import from_iso, to_iso
from maintenance.data_migrations.base import Context, ItemChange, Migration, Report
from maintenance.data_migrations.values import (
    ConversionError,
    amount,
    code,
    instant,
    is_same,
    listed_items,
    scalar,
    whole_number,
)
from maintenance.inspection.kinds import APPOINTMENT, ORDER, ItemKind
from orders.domain import DELIVERY_TIME, MAX_QUANTITY, OrderStatus

USUAL_DURATION_MIN = 30

ORDER_STATUSES: Mapping[str, str] = {
    **{status.value: status.value for status in OrderStatus},
    "canceled": OrderStatus.CANCELLED.value,
}
APPOINTMENT_STATUSES: Mapping[str, str] = {
    **{status.value: status.value for status in AppointmentStatus},
    "canceled": AppointmentStatus.CANCELLED.value,
}
APPOINTMENT_KINDS: Mapping[str, str] = {
    **{kind.value: kind.value for kind in AppointmentKind},
    "followup": AppointmentKind.FOLLOW_UP.value,
}


class EarlierSystem(Migration):
    """See the module."""

    name = "0001_earlier_system"
    description = "Convert orders and appointments of the earlier system"

    @override
    def plan(self, context: Context, report: Report) -> Iterator[ItemChange]:
        for table, kind, convert in (
            ("orders", ORDER, convert_order),
            ("appointments", APPOINTMENT, convert_appointment),
        ):
            for item in context.source.scan(table):
                if kind.matches(item):
                    converter = _Converter(item, context, report)
                    yield from _change(table, kind, converter, convert)


def _change(
    table: str, kind: ItemKind, converter: "_Converter", convert: "Callable[[_Converter], None]"
) -> Iterator[ItemChange]:
    convert(converter)
    before, after = converter.before, converter.after
    key = key_of(before)[0]
    converter.problems += kind.problems(after) if not converter.problems else []
    if converter.problems:
        converter.report.add_problem(f"{key}: {', '.join(converter.problems)}")
    elif after != before:
        converter.report.repairs.update(converter.repairs)
        reason = f"{kind.name} converted"
        yield ItemChange(table=table, before=before, after=after, reason=reason)


class _Converter:
    """One record while it is converted, and why it can't be."""

    def __init__(self, before: Item, context: Context, report: Report) -> None:
        self.before = before
        self.after: Item = dict(before)
        self.context, self.report = context, report
        self.problems: list[str] = []
        self.repairs: list[str] = []

    @property
    def time_zone(self) -> ZoneInfo:
        """The clinic's time zone."""
        return self.context.time_zone

    def convert(
        self,
        name: str,
        conversion: Callable[[str], str],
        kind: str = "S",
        *,
        into: Item | None = None,
    ) -> str | None:
        """Replace an attribute by its conversion, and return it; None if it is absent or empty."""
        item = self.after if into is None else into
        try:
            text = scalar(item.get(name))
            if text is None:
                item.pop(name, None)  # DynamoDB refuses an empty text in an index
                return None
            converted = conversion(text)
        except ConversionError as error:
            self.problems.append(f"{name} {error}")
            return None
        if not is_same(item[name], {kind: converted}):
            item[name] = {kind: converted}
        return converted

    def infer(self, name: str, value: str, kind: str, how: str) -> None:
        """Store a value that the earlier system left out."""
        self.after[name] = {kind: value}
        self.repairs.append(how)


def convert_order(converter: _Converter) -> None:
    """Convert an order."""
    _convert_id(converter, "ORDER")
    to_instant = partial(instant, time_zone=converter.time_zone)
    converter.convert("customerName", str)
    converter.convert("customerEmail", str.lower)
    converter.convert("status", partial(code, codes=ORDER_STATUSES))
    converter.convert("trackingNumber", str)
    converter.convert("dni", _dni)
    for name in ("createdAt", "updatedAt", "estimatedDelivery"):
        converter.convert(name, to_instant)
    _convert_items(converter)
    converter.convert("total", amount, "N")
    if not converter.problems:
        _infer_order_dates(converter)


def _convert_items(converter: _Converter) -> None:
    try:
        entries = listed_items(converter.before.get("items", {}))
    except ConversionError as error:
        converter.problems.append(f"items {error}")
        return
    for number, entry in enumerate(entries, start=1):
        converter.convert("id", str, into=entry)
        entry.setdefault("id", {"S": str(number)})
        converter.convert("name", str, into=entry)
        converter.convert("quantity", _quantity, "N", into=entry)
        converter.convert("price", amount, "N", into=entry)
        converter.convert("description", str, into=entry)
    converter.after["items"] = {"L": [{"M": entry} for entry in entries]}


def _infer_order_dates(converter: _Converter) -> None:
    item = converter.after
    if "createdAt" not in item:
        if "updatedAt" in item:
            converter.infer("createdAt", item["updatedAt"]["S"], "S", "createdAt from updatedAt")
        elif "estimatedDelivery" in item:
            created = from_iso(item["estimatedDelivery"]["S"]) - DELIVERY_TIME
            converter.infer("createdAt", to_iso(created), "S", "createdAt from estimatedDelivery")
        else:
            converter.problems.append("createdAt is missing, and nothing says when it was")
            return
    if "updatedAt" not in item:
        converter.infer("updatedAt", item["createdAt"]["S"], "S", "updatedAt from createdAt")


def convert_appointment(converter: _Converter) -> None:
    """Convert an appointment."""
    _convert_id(converter, "APPOINTMENT")
    to_instant = partial(instant, time_zone=converter.time_zone)
    converter.convert("patientName", str)
    converter.convert("patientEmail", str.lower)
    converter.convert("doctorName", partial(_spelling, doctors=converter.context.doctors))
    converter.convert("status", partial(code, codes=APPOINTMENT_STATUSES))
    converter.convert("type", partial(code, codes=APPOINTMENT_KINDS))
    converter.convert("notes", str)
    for name in ("createdAt", "updatedAt"):
        converter.convert(name, to_instant)
    _convert_start(converter, to_instant)
    if converter.convert("duration", _duration, "N") is None and not converter.problems:
        how = f"duration of {USUAL_DURATION_MIN} minutes where none was given"
        converter.infer("duration", str(USUAL_DURATION_MIN), "N", how)


def _convert_start(converter: _Converter, to_instant: Callable[[str], str]) -> None:
    """Make `date` and `appointmentDate` the same; if they differ, `date` is what the patient was told."""
    date = converter.convert("date", to_instant)
    indexed = converter.convert("appointmentDate", to_instant)
    if converter.problems:
        return
    start = date or indexed
    if start is None:
        converter.problems.append("date is missing")
        return
    if date and indexed and date != indexed:
        converter.repairs.append("appointmentDate from another date")
    converter.after["date"] = converter.after["appointmentDate"] = {"S": start}


def _convert_id(converter: _Converter, prefix: str) -> None:
    key_id = key_of(converter.before)[0].removeprefix(f"{prefix}#")
    if (converter.convert("id", str) or key_id) != key_id:
        converter.problems.append("id isn't that of its key")
    converter.after["id"] = {"S": key_id}


def _spelling(name: str, doctors: Sequence[str]) -> str:
    """Return a doctor's name as the settings spell it, so that the lists of that doctor contain it."""
    return next((each for each in doctors if doctor_key(each) == doctor_key(name)), name)


def _quantity(text: str) -> str:
    number = whole_number(text)
    if not 1 <= int(number) <= MAX_QUANTITY:
        raise ConversionError(f"is {number}")
    return number


def _duration(text: str) -> str:
    number = whole_number(text)
    if not MIN_DURATION_MINUTES <= int(number) <= MAX_DURATION_MINUTES:
        raise ConversionError(f"is {number} minutes")
    return number


def _dni(text: str) -> str:
    number = parse_dni(text)
    if number is None:
        raise ConversionError("is no identity number")
    return number
