"""PynamoDB model of entries. Only the repository beside it reads and writes them."""

from pynamodb.attributes import UnicodeAttribute

from common.dynamodb.attributes import InstantAttribute
from common.dynamodb.tables import Table


class InformationItem(Table):
    """An entry; all of them are in one partition, so that one query reads all. No index contains them."""

    table_setting = "APPOINTMENTS_TABLE"
    key_prefix = "INFORMATION"

    title = UnicodeAttribute()
    text = UnicodeAttribute()
    keywords = UnicodeAttribute(null=True)
    created_at = InstantAttribute(attr_name="createdAt")
    updated_at = InstantAttribute(attr_name="updatedAt")
