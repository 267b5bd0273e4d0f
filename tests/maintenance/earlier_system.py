"""Records as the owner's earlier system stored and exported them, and what they become.

Its REST API was in TypeScript, its voice server in Python; both wrote to the same tables. Times without a
zone are the clinic's, which is three hours behind UTC.
"""

from typing import Any

from common.dynamodb.bulk import Item
from tests.maintenance.items import keyed


def earlier_order(order_id: str = "1", **attributes: Any) -> Item:
    """Return an order as the earlier system's seed script stored it; None removes an attribute."""
    item = {
        **keyed("ORDER", order_id),
        "id": {"S": order_id},
        "customerName": {"S": "Juan Pérez"},
        "customerEmail": {"S": "Juan.Perez@Email.com"},
        "items": {
            "L": [
                {
                    "M": {
                        "id": {"S": "1"},
                        "name": {"S": "Producto A"},
                        "quantity": {"S": "2"},
                        "price": {"N": "25.989999999999998"},
                        "description": {"S": "Descripción del producto A"},
                    }
                }
            ]
        },
        "total": {"S": "51.98"},
        "status": {"S": "Pending"},
        "createdAt": {"S": "2024-01-15T10:30:00"},
        "updatedAt": {"S": "2024-01-15T10:30:00"},
        "estimatedDelivery": {"S": "2024-01-20"},
        "trackingNumber": {"N": "123456789"},
        **attributes,
    }
    return {name: value for name, value in item.items() if value is not None}


def earlier_appointment(appointment_id: str = "1", **attributes: Any) -> Item:
    """Return an appointment as the earlier voice server stored it; None removes an attribute."""
    item = {
        **keyed("APPOINTMENT", appointment_id),
        "id": {"S": appointment_id},
        "patientName": {"S": "Ana Martínez"},
        "patientEmail": {"S": "ana.martinez@email.com"},
        "doctorName": {"S": "Dr. Rodríguez"},
        "date": {"S": "2099-06-01T10:00:00"},
        "duration": {"S": "30"},
        "type": {"S": "Consultation"},
        "status": {"S": "SCHEDULED"},
        **attributes,
    }
    return {name: value for name, value in item.items() if value is not None}
