"""Reads and writes of the waiting list in DynamoDB."""

import logging
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from appointments.domain import AppointmentKind, DayPart
from appointments.waiting_list.domain import Offer, WaitingEntry, WaitingStatus
from appointments.waiting_list.models import WaitingItem
from common.dynamodb.transactions import Transaction, Write
from common.timestamps import from_iso, to_iso

logger = logging.getLogger(__name__)

PARTITION = f"{WaitingItem.key_prefix}#clinic"
PREFIX = "ENTRY#"
ENTRY_UNCHANGED = "waiting entry unchanged"
MALFORMED = (AttributeError, LookupError, TypeError, ValueError)
"""What reading the stored content of an entry may raise."""
KEPT_AFTER_LAST_DAY = timedelta(days=30)
KEPT_AFTER_CLOSING = timedelta(days=14)


def list_entries() -> list[WaitingEntry]:
    """Return the entries by one consistent query, who waits longest first.

    An entry that can't be read is logged and left out: it must prevent neither the list nor changes of
    appointments.
    """
    found = WaitingItem.query(PARTITION, consistent_read=True)
    raw_items = [raw for page in found.page_iter for raw in page["Items"]]
    entries = [entry for raw in raw_items if (entry := _readable_entry(raw)) is not None]
    return sorted(entries, key=lambda each: (each.created_at, each.id))


def get_entry(entry_id: str) -> WaitingEntry | None:
    """Return the entry with this id, read consistently, or None; also if it can't be read, which is logged."""
    key = f"{PREFIX}{entry_id}"
    try:
        return _entry(WaitingItem.get(PARTITION, key, consistent_read=True))
    except WaitingItem.DoesNotExist:
        return None
    except MALFORMED as error:
        _log_unreadable(key, error)
        return None


def _readable_entry(raw: Mapping[str, Any]) -> WaitingEntry | None:
    try:
        return entry_from_raw(raw)
    except MALFORMED as error:
        _log_unreadable(raw["SK"]["S"], error)
        return None


def _log_unreadable(sort_key: str, error: Exception) -> None:
    """Log an entry that can't be read, without the traceback, which may quote a patient."""
    fields = {"sort_key": sort_key, "error": type(error).__name__}
    logger.error("waiting entry not readable", extra=fields)


def write_entry(entry: WaitingEntry, *, version: datetime | None) -> Write:
    """Return the write of an entry whose stored `updated_at` is `version`, or of a new one."""
    is_new = WaitingItem.pk.does_not_exist()
    unchanged = is_new if version is None else WaitingItem.updated_at == version

    def add_to(transaction: Transaction) -> None:
        transaction.put_item(_item(entry), condition=unchanged, name=ENTRY_UNCHANGED)

    return add_to


def entry_from_raw(item: Mapping[str, Any]) -> WaitingEntry:
    """Return the entry that an item in DynamoDB JSON stores, for maintenance."""
    return _entry(WaitingItem.from_raw_data(dict(item)))


def _item(entry: WaitingEntry) -> WaitingItem:
    end_of_last_day = datetime.combine(entry.last, time.max, tzinfo=UTC)
    expires_at = (
        end_of_last_day + KEPT_AFTER_LAST_DAY
        if entry.is_open
        else entry.updated_at + KEPT_AFTER_CLOSING
    )
    return WaitingItem(
        PARTITION,
        f"{PREFIX}{entry.id}",
        content={
            "patientName": entry.patient_name,
            "patientEmail": entry.patient_email,
            "dni": entry.dni,
            "doctorName": entry.doctor_name,
            "specialty": entry.specialty,
            "first": entry.first.isoformat(),
            "last": entry.last.isoformat(),
            "dayPart": entry.day_part.value if entry.day_part else None,
            "kind": entry.kind.value,
            "status": entry.status.value,
            "offer": None if entry.offer is None else _offer_content(entry.offer),
            "replacedOffers": [_offer_content(each) for each in entry.replaced_offers],
            "refused": list(entry.refused),
            "appointmentId": entry.appointment_id,
        },
        created_at=entry.created_at,
        updated_at=entry.updated_at,
        expires_at=expires_at,
    )


def _offer_content(offer: Offer) -> dict[str, Any]:
    return {
        "number": offer.number,
        "doctorName": offer.doctor_name,
        "startsAt": to_iso(offer.starts_at),
        "durationMin": offer.duration_min,
        "heldUntil": to_iso(offer.held_until),
    }


def _entry(item: WaitingItem) -> WaitingEntry:
    content = item.content
    if None in {item.created_at, item.updated_at}:
        raise ValueError("an entry has the time at which it was made, and a version")
    return WaitingEntry(
        id=item.sk.removeprefix(PREFIX),
        patient_name=content["patientName"],
        patient_email=content["patientEmail"],
        dni=content["dni"],
        doctor_name=content["doctorName"],
        specialty=content["specialty"],
        first=date.fromisoformat(content["first"]),
        last=date.fromisoformat(content["last"]),
        day_part=DayPart(content["dayPart"]) if content["dayPart"] else None,
        kind=AppointmentKind(content["kind"]),
        status=WaitingStatus(content["status"]),
        offer=None if content["offer"] is None else _offer(content["offer"]),
        replaced_offers=tuple(
            map(_offer, content.get("replacedOffers", ()))
        ),  # not in older entries
        refused=tuple(content["refused"]),
        appointment_id=content["appointmentId"],
        created_at=item.created_at,
        updated_at=item.updated_at,
    )


def _offer(content: Mapping[str, Any]) -> Offer:
    return Offer(
        number=int(content["number"]),
        doctor_name=content["doctorName"],
        starts_at=from_iso(content["startsAt"]),
        duration_min=int(content["durationMin"]),
        held_until=from_iso(content["heldUntil"]),
    )
