"""PynamoDB model of the waiting list. Only the repository beside it reads and writes it."""

from pynamodb.attributes import JSONAttribute, TTLAttribute

from common.dynamodb.attributes import InstantAttribute
from common.dynamodb.tables import EXPIRES_AT, Table


class WaitingItem(Table):
    """An entry; all of them are in one partition, so that one query reads all. No index contains them."""

    table_setting = "APPOINTMENTS_TABLE"
    key_prefix = "WAITING"

    content = JSONAttribute()
    created_at = InstantAttribute(attr_name="createdAt")
    updated_at = InstantAttribute(attr_name="updatedAt")
    expires_at = TTLAttribute(attr_name=EXPIRES_AT)
