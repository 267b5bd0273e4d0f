"""How follow-ups are stored in DynamoDB. These are PynamoDB models, not Django's.

They are in the calls' table, whose `CallIndex` lists them by status and time: `kind` has a value of its
own for each status, and no list of conversations reads those partitions.
"""

from pynamodb.attributes import TTLAttribute, UnicodeAttribute

from common.dynamodb.attributes import InstantAttribute
from common.dynamodb.indexes import global_index
from common.dynamodb.tables import EXPIRES_AT, Table


class FollowUpItem(Table):
    """One follow-up; `kind` is `follow-up-` and its status."""

    table_setting = "CALLS_TABLE"
    key_prefix = "FOLLOWUP"
    KIND_PREFIX = "follow-up-"

    kind = UnicodeAttribute()
    customer_name = UnicodeAttribute(attr_name="customerName")
    phone = UnicodeAttribute(null=True)
    email = UnicodeAttribute(null=True)
    message = UnicodeAttribute()
    call_id = UnicodeAttribute(null=True, attr_name="callId")
    done_by = UnicodeAttribute(null=True, attr_name="doneBy")
    note = UnicodeAttribute(null=True)
    created_at = InstantAttribute(attr_name="startedAt")
    """Stored under the range key of the index."""
    updated_at = InstantAttribute(attr_name="updatedAt")
    expires_at = TTLAttribute(attr_name=EXPIRES_AT)

    by_kind = global_index("CallIndex", hash_key="kind", range_key="startedAt")
    """The index of that name which the model `ConversationItem` declares, too."""
