"""How endpoints and deliveries are stored in DynamoDB. These are PynamoDB models, not Django's.

They are in the appointments' table, to which each part of the server that changes records may write.
`StatusDateIndex` lists deliveries: each endpoint has a partition for each stage, so a worker that looks for what
is due at one endpoint reads nothing of the others.
"""

from pynamodb.attributes import JSONAttribute, NumberAttribute, TTLAttribute, UnicodeAttribute

from common.dynamodb.attributes import InstantAttribute
from common.dynamodb.indexes import global_index
from common.dynamodb.tables import EXPIRES_AT, Table


class EndpointItem(Table):
    """An endpoint; all of them are in one partition, so that one query reads all. No index contains them."""

    table_setting = "APPOINTMENTS_TABLE"
    key_prefix = "WEBHOOKS"
    SK_PREFIX = "ENDPOINT#"

    url = UnicodeAttribute()
    description = UnicodeAttribute(null=True)
    events = JSONAttribute()
    personal_data = UnicodeAttribute(attr_name="personalData")
    disabled_reason = UnicodeAttribute(null=True, attr_name="disabledReason")
    encrypted_secret = UnicodeAttribute(attr_name="sealedSecret")
    previous_secrets = JSONAttribute(null=True, attr_name="sealedPreviousSecrets")
    failing_since = InstantAttribute(null=True, attr_name="failingSince")
    created_at = InstantAttribute(attr_name="createdAt")
    updated_at = InstantAttribute(attr_name="updatedAt")


class DeliveryItem(Table):
    """One delivery; `status` is `webhook-`, the endpoint's id, `-` and the stage."""

    table_setting = "APPOINTMENTS_TABLE"
    key_prefix = "WEBHOOK"
    SK_PREFIX = "EVENT#"

    record_type = UnicodeAttribute(attr_name="recordType")
    record_id = UnicodeAttribute(attr_name="recordId")
    event = UnicodeAttribute()
    version = UnicodeAttribute()
    endpoint_id = UnicodeAttribute(attr_name="endpointId")
    body = UnicodeAttribute()
    personal_data = UnicodeAttribute(attr_name="personalData")
    status = UnicodeAttribute()
    delivery_status = UnicodeAttribute(attr_name="deliveryStatus")
    due_at = InstantAttribute(attr_name="appointmentDate")
    """Stored under the range key of the index."""
    attempts = NumberAttribute()
    log = JSONAttribute(null=True)
    created_at = InstantAttribute(attr_name="createdAt")
    updated_at = InstantAttribute(attr_name="updatedAt")
    expires_at = TTLAttribute(attr_name=EXPIRES_AT)

    by_status_and_date = global_index(
        "StatusDateIndex", hash_key="status", range_key="appointmentDate"
    )
    """The index of that name which the model `Appointment` declares, too."""

    @classmethod
    def key_of(
        cls, record_type: str, record_id: str, event: str, version: str, endpoint_id: str
    ) -> tuple[str, str]:
        """Return PK and SK of a delivery."""
        pk, _ = cls.key(f"{record_type}-{record_id}")
        return pk, f"{cls.SK_PREFIX}{event}#{version}#{endpoint_id}"

    @classmethod
    def status_of(cls, endpoint_id: str, stage: str) -> str:
        """Return the stored status of an endpoint's deliveries in a stage."""
        return f"webhook-{endpoint_id}-{stage}"
