"""PynamoDB models of stored conversations: the attributes, keys and indexes of one table.

All items of a call have the partition key `CALL#{id}`: the conversation, its utterances, its tool
calls and, while it is live, its checkpoint. An index contains only items that have both its key
attributes, so each contains one kind of item, and `LiveIndex` and `HadErrorsIndex` are small.

Only `conversations.repository` reads and writes these items. The stored attribute names differ from
the Python names in places, because renaming a stored attribute would lose data.
"""

from pynamodb.attributes import (
    BooleanAttribute,
    JSONAttribute,
    ListAttribute,
    NumberAttribute,
    TTLAttribute,
    UnicodeAttribute,
)

from common.dynamodb.attributes import CostAttribute, InstantAttribute
from common.dynamodb.counts import CountTable
from common.dynamodb.indexes import global_index
from common.dynamodb.tables import EXPIRES_AT, Table, register_table


@register_table
class ConversationItem(Table):
    """One conversation. `live` and `hadErrors` are "yes" or absent."""

    table_setting = "CALLS_TABLE"
    key_prefix = "CALL"
    KIND = "call"
    YES = "yes"

    id = UnicodeAttribute()
    kind = UnicodeAttribute()
    live = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    started_at = InstantAttribute(attr_name="startedAt")
    updated_at = InstantAttribute(attr_name="updatedAt")
    heartbeat_at = InstantAttribute(attr_name="aliveAt")
    ended_at = InstantAttribute(null=True, attr_name="endedAt")
    left_at = InstantAttribute(null=True, attr_name="leftAt")
    expires_at = TTLAttribute(attr_name=EXPIRES_AT)
    voice = UnicodeAttribute()
    language = UnicodeAttribute()
    model_id = UnicodeAttribute(attr_name="modelId")
    wire = UnicodeAttribute()
    epoch = NumberAttribute()
    resume_hash = UnicodeAttribute(attr_name="resumeHash")
    turns = NumberAttribute()
    tool_calls = NumberAttribute(attr_name="toolRuns")
    interruptions = NumberAttribute()
    resumes = NumberAttribute()
    rotations = NumberAttribute(attr_name="renewals")
    speech_tokens_in = NumberAttribute(attr_name="speechTokensIn")
    text_tokens_in = NumberAttribute(attr_name="textTokensIn")
    speech_tokens_out = NumberAttribute(attr_name="speechTokensOut")
    text_tokens_out = NumberAttribute(attr_name="textTokensOut")
    cost_usd = CostAttribute(attr_name="costUsd")
    latency_median_ms = NumberAttribute(null=True, attr_name="latencyMedianMs")
    latency_max_ms = NumberAttribute(null=True, attr_name="latencyMaxMs")
    playback_median_ms = NumberAttribute(null=True, attr_name="heardMedianMs")
    error_codes = ListAttribute(of=UnicodeAttribute, null=True, attr_name="errors")
    had_errors = UnicodeAttribute(null=True, attr_name="hadErrors")
    result = UnicodeAttribute(null=True)
    """What became of what the customer wanted; absent before the first tool call has ended."""
    wanted = ListAttribute(of=UnicodeAttribute, null=True)
    result_code = UnicodeAttribute(null=True, attr_name="resultCode")

    # The registered model declares all indexes of the table. The first three contain conversations,
    # the others tool calls and utterances.
    by_kind = global_index("CallIndex", hash_key="kind", range_key="startedAt")
    by_live = global_index("LiveIndex", hash_key="live", range_key="startedAt")
    by_had_errors = global_index("HadErrorsIndex", hash_key="hadErrors", range_key="startedAt")
    by_outcome = global_index("OutcomeIndex", hash_key="outcome", range_key="startedAt")
    by_tool = global_index("ToolIndex", hash_key="tool", range_key="startedAt")
    by_speaker = global_index("SpeakerIndex", hash_key="speaker", range_key="at")


class _CallItem(Table):
    """An item in the partition of its call."""

    table_setting = "CALLS_TABLE"
    key_prefix = ConversationItem.key_prefix

    expires_at = TTLAttribute(attr_name=EXPIRES_AT)


class UtteranceItem(_CallItem):
    """One utterance, masked."""

    SK_PREFIX = "TURN#"

    turn = NumberAttribute()
    segment = NumberAttribute()
    speaker = UnicodeAttribute()
    text = UnicodeAttribute()
    at = InstantAttribute()
    stage = UnicodeAttribute(null=True)
    """Only where it is `delivered`, that is, where the model never confirmed the text."""
    interrupted = BooleanAttribute()
    latency_ms = NumberAttribute(null=True, attr_name="latencyMs")
    playback_latency_ms = NumberAttribute(null=True, attr_name="heardMs")

    @classmethod
    def key_in(cls, call_id: str, turn: int, segment: int) -> tuple[str, str]:
        """Return PK and SK."""
        return ConversationItem.key(call_id)[0], f"{cls.SK_PREFIX}{turn:05}#{segment:03}"


class ToolCallItem(_CallItem):
    """One tool call; `arguments` are masked, or absent if the settings store none."""

    SK_PREFIX = "TOOL#"

    tool_use_id = UnicodeAttribute(attr_name="toolUseId")
    tool = UnicodeAttribute()
    arguments = JSONAttribute(null=True)
    arguments_hash = UnicodeAttribute(attr_name="argumentsHash")
    outcome = UnicodeAttribute()
    error_code = UnicodeAttribute(null=True, attr_name="code")
    started_at = InstantAttribute(attr_name="startedAt")
    duration_ms = NumberAttribute(null=True, attr_name="durationMs")
    turn = NumberAttribute()
    record = UnicodeAttribute(null=True)
    """The record that it read or changed, e.g. "order:123456"."""

    @classmethod
    def key_in(cls, call_id: str, tool_use_id: str) -> tuple[str, str]:
        """Return PK and SK."""
        return ConversationItem.key(call_id)[0], f"{cls.SK_PREFIX}{tool_use_id}"


class CheckpointItem(_CallItem):
    """The encrypted checkpoint of a call."""

    encrypted = UnicodeAttribute(attr_name="sealed")

    @classmethod
    def key(cls, item_id: str) -> tuple[str, str]:
        """Return PK and SK of the call's checkpoint."""
        return ConversationItem.key(item_id)[0], "MEMORY"


class UsedTicketItem(Table):
    """A ticket that was used; its existence prevents a second use."""

    table_setting = "CALLS_TABLE"
    key_prefix = "TICKET"

    expires_at = TTLAttribute(attr_name=EXPIRES_AT)


class ModelUsageItem(CountTable):
    """For how long calls were active: those of one address on one day, and all of a day or month."""

    table_setting = "CALLS_TABLE"
    key_prefix = "USAGE"

    amount = NumberAttribute(attr_name="seconds")


class SessionLeasesItem(Table):
    """The leases of Nova Sonic sessions in one Region; its id is the Region's name."""

    table_setting = "CALLS_TABLE"
    key_prefix = "SESSIONS"

    version = NumberAttribute()
    leases = JSONAttribute()
    """Sessions and the time of expiry (ISO 8601) by the ids of the processes."""
    expires_at = TTLAttribute(attr_name=EXPIRES_AT)
