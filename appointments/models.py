"""PynamoDB models of the appointments table. Only `appointments.repository` reads and writes them.

The table's keys, `PatientEmailIndex`, `DoctorDateIndex` and `StatusIndex` are those of the earlier
system. `StatusDateIndex` and `PatientEmailDateIndex` are new: pages need an order, which the indexes
they extend don't have, and "all of one day" would otherwise read the whole table.

Django's ORM and migrations don't use these classes. Importing them opens no connection.
"""

from pynamodb.attributes import JSONAttribute, NumberAttribute, TTLAttribute, UnicodeAttribute

from common.dynamodb.attributes import InstantAttribute
from common.dynamodb.idempotency import IdempotencyToken
from common.dynamodb.indexes import global_index
from common.dynamodb.tables import EXPIRES_AT, Table, register_table


@register_table
class Appointment(Table):
    """One appointment. `date` and `appointmentDate` are both its start.

    The earlier system reads `date`; the indexes sort by `appointmentDate`.
    """

    table_setting = "APPOINTMENTS_TABLE"
    key_prefix = "APPOINTMENT"

    id = UnicodeAttribute()
    patient_name = UnicodeAttribute(attr_name="patientName")
    patient_email = UnicodeAttribute(attr_name="patientEmail")
    doctor_name = UnicodeAttribute(attr_name="doctorName")
    date = InstantAttribute()
    appointment_date = InstantAttribute(attr_name="appointmentDate")
    duration = NumberAttribute()
    type = UnicodeAttribute()
    notes = UnicodeAttribute(null=True)
    status = UnicodeAttribute()
    dni = UnicodeAttribute(null=True)
    phone = UnicodeAttribute(null=True)
    code = UnicodeAttribute(null=True)
    reserved_until = InstantAttribute(null=True, attr_name="reservedUntil")
    changes = JSONAttribute(null=True)
    created_at = InstantAttribute(null=True, attr_name="createdAt")
    updated_at = InstantAttribute(null=True, attr_name="updatedAt")

    by_patient_email = global_index("PatientEmailIndex", hash_key="patientEmail")
    by_patient_email_and_date = global_index(
        "PatientEmailDateIndex", hash_key="patientEmail", range_key="appointmentDate"
    )
    by_dni = global_index("DniDateIndex", hash_key="dni", range_key="appointmentDate")
    """Contains only appointments with an identity number."""
    by_doctor = global_index("DoctorDateIndex", hash_key="doctorName", range_key="appointmentDate")
    by_status = global_index("StatusIndex", hash_key="status")
    by_status_and_date = global_index(
        "StatusDateIndex", hash_key="status", range_key="appointmentDate"
    )
    """Lists of all appointments merge the partitions of this index."""


class AppointmentToken(IdempotencyToken):
    """The idempotency token of a request that created an appointment."""

    table_setting = "APPOINTMENTS_TABLE"


class DoctorDay(Table):
    """The guard item: the bookings of one doctor on one local day of the clinic.

    It has no attribute of an index, so no index contains it. `slots` is a JSON object that maps
    appointment ids to "start/end", two instants. `holds` maps ids of entries of the waiting list to
    "start/end/until", three instants.
    """

    table_setting = "APPOINTMENTS_TABLE"
    key_prefix = "DOCTORDAY"

    slots = JSONAttribute()
    holds = JSONAttribute(null=True)
    revision = NumberAttribute()


class PatientDay(DoctorDay):
    """The guard item of a patient: their bookings on one local day, in the shape of a `DoctorDay`."""

    key_prefix = "PATIENTDAY"


class ReservationItem(Table):
    """The end of a reserved appointment. No index contains it.

    All of them are in one partition, the first to end first: one query returns those that have ended.
    """

    table_setting = "APPOINTMENTS_TABLE"
    key_prefix = "RESERVATION"

    appointment_id = UnicodeAttribute(attr_name="appointmentId")
    until = InstantAttribute()
    expires_at = TTLAttribute(attr_name=EXPIRES_AT)
