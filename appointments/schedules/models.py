"""PynamoDB model of professionals and special days. Only the repository beside it reads and writes them."""

from pynamodb.attributes import JSONAttribute

from common.dynamodb.attributes import InstantAttribute
from common.dynamodb.tables import Table


class ScheduleItem(Table):
    """A professional or a special day; all of them are in one partition, so that one query reads all.

    It has no attribute of an index, so no index contains it.
    """

    table_setting = "APPOINTMENTS_TABLE"
    key_prefix = "SCHEDULE"

    content = JSONAttribute()
    created_at = InstantAttribute(attr_name="createdAt")
    updated_at = InstantAttribute(attr_name="updatedAt")
