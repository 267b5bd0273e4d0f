"""How data migrations and what undoes them are stored, in the table of the calls.

The applied migrations stand in no table of their own, and not in those of orders and appointments,
which count as empty while they hold no item at all.
"""

from pynamodb.attributes import NumberAttribute, TTLAttribute, UnicodeAttribute

from common.dynamodb.attributes import InstantAttribute
from common.dynamodb.tables import EXPIRES_AT, Table


class MigrationRecord(Table):
    """One data migration: how far it is, and which process works on it."""

    table_setting = "CALLS_TABLE"
    key_prefix = "MIGRATION"

    name = UnicodeAttribute()
    state = UnicodeAttribute()
    attempt = UnicodeAttribute()
    """A new one when it is started anew, the same when it is resumed; it names the undo items."""
    started_at = InstantAttribute(attr_name="startedAt")
    finished_at = InstantAttribute(null=True, attr_name="finishedAt")
    changed = NumberAttribute(null=True)
    problems = NumberAttribute(null=True)
    backup = UnicodeAttribute(null=True)
    runner = UnicodeAttribute(null=True)
    """The process that works on it, until `leaseUntil`."""
    lease_until = InstantAttribute(null=True, attr_name="leaseUntil")


class UndoItem(Table):
    """One item as it was before a migration changed it.

    PK is `UNDO#{attempt}#{shard}`, SK names table and key of the item. `before` is the item as a map,
    or NULL if the migration made it; `after` is the digest of the item as the migration left it, or ""
    if it deleted it.
    """

    table_setting = "CALLS_TABLE"
    key_prefix = "UNDO"

    after = UnicodeAttribute()
    expires_at = TTLAttribute(attr_name=EXPIRES_AT)
