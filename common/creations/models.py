"""How creations are counted in DynamoDB. These are PynamoDB models, not Django's."""

from pynamodb.attributes import NumberAttribute, TTLAttribute

from common.dynamodb.tables import EXPIRES_AT, Table


class CreationCount(Table):
    """How many orders and appointments one call, contact or address created on one day.

    All of them are in the orders' table, so that orders and appointments count together.
    """

    table_setting = "ORDERS_TABLE"
    key_prefix = "CREATIONS"

    created = NumberAttribute()
    expires_at = TTLAttribute(attr_name=EXPIRES_AT)
