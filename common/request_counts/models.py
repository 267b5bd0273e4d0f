"""How requests are counted in DynamoDB. These are PynamoDB models, not Django's."""

from pynamodb.attributes import NumberAttribute, TTLAttribute

from common.dynamodb.tables import EXPIRES_AT, Table


class RequestCount(Table):
    """How many REST requests one client has sent since its first one of a period."""

    table_setting = "ORDERS_TABLE"
    key_prefix = "REQUESTS"

    requests = NumberAttribute()
    expires_at = TTLAttribute(attr_name=EXPIRES_AT)
    """The end of the period, in whole seconds."""
