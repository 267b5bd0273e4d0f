"""How creations are counted in DynamoDB. These are PynamoDB models, not Django's."""

from pynamodb.attributes import NumberAttribute

from common.dynamodb.counts import CountTable


class CreationCount(CountTable):
    """How many orders and appointments one call, contact or address created on one day.

    All of them are in the orders' table, so that orders and appointments count together.
    """

    table_setting = "ORDERS_TABLE"
    key_prefix = "CREATIONS"

    amount = NumberAttribute(attr_name="created")
