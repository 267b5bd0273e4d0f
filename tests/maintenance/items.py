"""Items in DynamoDB JSON, as the tests store them."""

from collections.abc import Mapping
from typing import Any

from appointments.domain import Calendar
from common.dynamodb.bulk import BulkClient, Item
from maintenance.tables import configured_tables


def store_items(client: BulkClient, label: str, *items: Item) -> None:
    assert sum(client.put_many(configured_tables()[label], items)) == len(items)


def stored(client: BulkClient, label: str) -> dict[str, Item]:
    """Return all items of a table by their partition keys."""
    return {item["PK"]["S"]: item for item in client.scan(configured_tables()[label])}


def keyed(prefix: str, item_id: str) -> Item:
    key = {"S": f"{prefix}#{item_id}"}
    return {"PK": key, "SK": key}


def order(order_id: str, **attributes: Any) -> Item:
    """Return an order as this system stores it; None removes an attribute."""
    item = {
        **keyed("ORDER", order_id),
        "id": {"S": order_id},
        "customerName": {"S": "Juan Pérez"},
        "customerEmail": {"S": "juan.perez@email.com"},
        "items": {
            "L": [
                {
                    "M": {
                        "id": {"S": "1"},
                        "name": {"S": "Producto A"},
                        "quantity": {"N": "2"},
                        "price": {"N": "25.99"},
                    }
                }
            ]
        },
        "total": {"N": "51.98"},
        "status": {"S": "pending"},
        "createdAt": {"S": "2099-01-15T10:00:00.000Z"},
        "updatedAt": {"S": "2099-01-15T10:00:00.000Z"},
        **attributes,
    }
    return {name: value for name, value in item.items() if value is not None}


def appointment(appointment_id: str, start: str = "2099-06-01T13:00:00.000Z", **more: Any) -> Item:
    """Return an appointment as this system stores it; None removes an attribute."""
    item = {
        **keyed("APPOINTMENT", appointment_id),
        "id": {"S": appointment_id},
        "patientName": {"S": "Ana Martínez"},
        "patientEmail": {"S": "ana.martinez@email.com"},
        "doctorName": {"S": "Dr. Rodríguez"},
        "date": {"S": start},
        "appointmentDate": {"S": start},
        "duration": {"N": "30"},
        "type": {"S": "consultation"},
        "status": {"S": "scheduled"},
        **more,
    }
    return {name: value for name, value in item.items() if value is not None}


def doctor_day(doctor: str, day: str, revision: int = 1, **bookings: str) -> Item:
    """Return a doctor's day; the bookings are "start/end" by appointment ids such as `a1`."""
    return _calendar_day("DOCTORDAY", doctor, day, revision, bookings)


def patient_day(day: str, revision: int = 1, **bookings: str) -> Item:
    """Return a day of the patient of `appointment`, with bookings as in `doctor_day`."""
    ana = Calendar.of_patient("Ana Martínez", "ana.martinez@email.com")
    return _calendar_day("PATIENTDAY", ana.key, day, revision, bookings)


def _calendar_day(
    prefix: str, key: str, day: str, revision: int, bookings: Mapping[str, str]
) -> Item:
    slots = ",".join(f'"{each.removeprefix("a")}":"{time}"' for each, time in bookings.items())
    return {
        **keyed(prefix, f"{key}#{day}"),
        "slots": {"S": "{" + slots + "}"},
        "revision": {"N": str(revision)},
    }
