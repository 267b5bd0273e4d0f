"""How appointments are stored in DynamoDB: shape only. The key schema is the owner's.

Three indexes are the owner's; StatusDateIndex and PatientEmailDateIndex are added, since theirs
have no order, which pages need, and none answers "all of one day" without reading the whole table.

These are PynamoDB models; Django's ORM and its migrations know nothing of them. No connection is
opened by importing them. Only `appointments.repository` reads and writes them.
"""

from pynamodb.attributes import JSONAttribute, NumberAttribute, UnicodeAttribute

from common.dynamodb.attributes import InstantAttribute
from common.dynamodb.idempotency import IdempotencyToken
from common.dynamodb.indexes import global_index
from common.dynamodb.tables import Table, register_table


@register_table
class Appointment(Table):
    """One appointment. `date` is what the earlier system reads; `appointmentDate` the indexes."""

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
    created_at = InstantAttribute(null=True, attr_name="createdAt")
    updated_at = InstantAttribute(null=True, attr_name="updatedAt")

    by_patient_email = global_index("PatientEmailIndex", hash_key="patientEmail")
    by_patient_email_and_date = global_index(
        "PatientEmailDateIndex", hash_key="patientEmail", range_key="appointmentDate"
    )
    by_doctor = global_index("DoctorDateIndex", hash_key="doctorName", range_key="appointmentDate")
    by_status = global_index("StatusIndex", hash_key="status")
    by_status_and_date = global_index(
        "StatusDateIndex", hash_key="status", range_key="appointmentDate"
    )
    """All lists of appointments are merged from the partitions of this index."""


class AppointmentToken(IdempotencyToken):
    """A request that made an appointment."""

    table_setting = "APPOINTMENTS_TABLE"


class DoctorDay(Table):
    """The guard item: what is taken of one doctor on one of the clinic's days.

    It has none of the indexes' attributes, so no index shows it. `slots` is an object: appointment
    id to "start/end", two instants.
    """

    table_setting = "APPOINTMENTS_TABLE"
    key_prefix = "DOCTORDAY"

    slots = JSONAttribute()
    revision = NumberAttribute()
