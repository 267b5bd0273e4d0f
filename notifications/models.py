"""How messages are stored in DynamoDB. These are PynamoDB models, not Django's.

They are in the appointments' table, to which each part of the server that changes appointments may write.
`StatusDateIndex` lists them by status and due time: no list of appointments reads the partitions of
their statuses. The messages of one record have one partition key.
"""

from pynamodb.attributes import JSONAttribute, NumberAttribute, TTLAttribute, UnicodeAttribute

from common.dynamodb.attributes import InstantAttribute
from common.dynamodb.indexes import global_index
from common.dynamodb.tables import EXPIRES_AT, Table


class MessageItem(Table):
    """One message; `status` is `message-` and its status."""

    table_setting = "APPOINTMENTS_TABLE"
    key_prefix = "MESSAGE"
    SK_PREFIX = "EVENT#"
    STATUS_PREFIX = "message-"

    record_type = UnicodeAttribute(attr_name="recordType")
    record_id = UnicodeAttribute(attr_name="recordId")
    event = UnicodeAttribute()
    version = UnicodeAttribute()
    recipient = UnicodeAttribute()
    content = JSONAttribute(null=True)
    status = UnicodeAttribute()
    due_at = InstantAttribute(attr_name="appointmentDate")
    """Stored under the range key of the index."""
    attempts = NumberAttribute()
    resends = NumberAttribute(null=True)
    error = UnicodeAttribute(null=True)
    created_at = InstantAttribute(attr_name="createdAt")
    updated_at = InstantAttribute(attr_name="updatedAt")
    sent_at = InstantAttribute(null=True, attr_name="sentAt")
    expires_at = TTLAttribute(attr_name=EXPIRES_AT)

    by_status_and_date = global_index(
        "StatusDateIndex", hash_key="status", range_key="appointmentDate"
    )
    """The index of that name which the model `Appointment` declares, too."""

    @classmethod
    def key_of(cls, record_type: str, record_id: str, event: str, version: str) -> tuple[str, str]:
        """Return PK and SK of a message."""
        pk, _ = cls.key(f"{record_type}-{record_id}")
        return pk, f"{cls.SK_PREFIX}{event}#{version}"
