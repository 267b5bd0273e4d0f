"""How appointments are stored in DynamoDB: shape only. The key schema is the owner's.

Three indexes are the owner's; StatusDateIndex and PatientEmailDateIndex are added, since theirs
have no order, which pages need, and none answers "all of one day" without reading the whole table.

These are PynamoDB models; Django's ORM and its migrations know nothing of them. No connection is
opened by importing them. Only `appointments.repository` reads and writes them.
"""

from pynamodb.attributes import JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from common.dynamodb.attributes import InstantAttribute
from common.dynamodb.idempotency import IdempotencyToken
from common.dynamodb.tables import Table, register_table


class PatientEmailIndex(GlobalSecondaryIndex["Appointment"]):  # type: ignore[no-untyped-call]  # PynamoDB's
    """The appointments of one patient."""

    class Meta:
        """Name and content of the index."""

        index_name = "PatientEmailIndex"
        projection = AllProjection()

    patient_email = UnicodeAttribute(hash_key=True, attr_name="patientEmail")


class PatientEmailDateIndex(GlobalSecondaryIndex["Appointment"]):  # type: ignore[no-untyped-call]  # PynamoDB's
    """The appointments of one patient, by time."""

    class Meta:
        """Name and content of the index."""

        index_name = "PatientEmailDateIndex"
        projection = AllProjection()

    patient_email = UnicodeAttribute(hash_key=True, attr_name="patientEmail")
    appointment_date = InstantAttribute(range_key=True, attr_name="appointmentDate")


class DoctorDateIndex(GlobalSecondaryIndex["Appointment"]):  # type: ignore[no-untyped-call]  # PynamoDB's
    """The appointments of one doctor, by time."""

    class Meta:
        """Name and content of the index."""

        index_name = "DoctorDateIndex"
        projection = AllProjection()

    doctor_name = UnicodeAttribute(hash_key=True, attr_name="doctorName")
    appointment_date = InstantAttribute(range_key=True, attr_name="appointmentDate")


class StatusIndex(GlobalSecondaryIndex["Appointment"]):  # type: ignore[no-untyped-call]  # PynamoDB's
    """The appointments of one status, in no order."""

    class Meta:
        """Name and content of the index."""

        index_name = "StatusIndex"
        projection = AllProjection()

    status = UnicodeAttribute(hash_key=True)


class StatusDateIndex(GlobalSecondaryIndex["Appointment"]):  # type: ignore[no-untyped-call]  # PynamoDB's
    """The appointments of one status, by time. All lists are merged from these."""

    class Meta:
        """Name and content of the index."""

        index_name = "StatusDateIndex"
        projection = AllProjection()

    status = UnicodeAttribute(hash_key=True)
    appointment_date = InstantAttribute(range_key=True, attr_name="appointmentDate")


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

    by_patient_email = PatientEmailIndex()
    by_patient_email_and_date = PatientEmailDateIndex()
    by_doctor = DoctorDateIndex()
    by_status = StatusIndex()
    by_status_and_date = StatusDateIndex()


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
