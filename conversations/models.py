"""How conversations are stored in DynamoDB: shape only.

All of one call stands in one partition, `CALL#{id}`: the conversation itself, its words, its tool runs
and, while it lives, its memory. An index shows only those items that have both its attributes, so none
holds more than one kind, and `LiveIndex` and `HadErrorsIndex` hold few.

These are PynamoDB models; Django's ORM and its migrations know nothing of them. Only
`conversations.repository` reads and writes them.
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
from common.dynamodb.indexes import global_index
from common.dynamodb.tables import EXPIRES_AT, Table, register_table


@register_table
class Conversation(Table):
    """One call as it is remembered. `live` and `hadErrors` are "yes" or absent."""

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
    alive_at = InstantAttribute(attr_name="aliveAt")
    ended_at = InstantAttribute(null=True, attr_name="endedAt")
    expires_at = TTLAttribute(attr_name=EXPIRES_AT)
    voice = UnicodeAttribute()
    language = UnicodeAttribute()
    model_id = UnicodeAttribute(attr_name="modelId")
    wire = UnicodeAttribute()
    epoch = NumberAttribute()
    resume_hash = UnicodeAttribute(attr_name="resumeHash")
    turns = NumberAttribute()
    tool_runs = NumberAttribute(attr_name="toolRuns")
    interruptions = NumberAttribute()
    resumes = NumberAttribute()
    renewals = NumberAttribute()
    speech_tokens_in = NumberAttribute(attr_name="speechTokensIn")
    text_tokens_in = NumberAttribute(attr_name="textTokensIn")
    speech_tokens_out = NumberAttribute(attr_name="speechTokensOut")
    text_tokens_out = NumberAttribute(attr_name="textTokensOut")
    cost_usd = CostAttribute(attr_name="costUsd")
    latency_median_ms = NumberAttribute(null=True, attr_name="latencyMedianMs")
    latency_max_ms = NumberAttribute(null=True, attr_name="latencyMaxMs")
    heard_median_ms = NumberAttribute(null=True, attr_name="heardMedianMs")
    errors = ListAttribute(of=UnicodeAttribute, null=True)
    had_errors = UnicodeAttribute(null=True, attr_name="hadErrors")

    by_kind = global_index("CallIndex", hash_key="kind", range_key="startedAt")
    by_live = global_index("LiveIndex", hash_key="live", range_key="startedAt")
    by_had_errors = global_index("HadErrorsIndex", hash_key="hadErrors", range_key="startedAt")
    # Indexes of `ToolCall` and `Utterance`; the registered model declares all indexes of the table.
    by_outcome = global_index("OutcomeIndex", hash_key="outcome", range_key="startedAt")
    by_tool = global_index("ToolIndex", hash_key="tool", range_key="startedAt")
    by_speaker = global_index("SpeakerIndex", hash_key="speaker", range_key="at")


class _InCall(Table):
    """Something of a call, in the conversation's partition."""

    table_setting = "CALLS_TABLE"
    key_prefix = Conversation.key_prefix

    expires_at = TTLAttribute(attr_name=EXPIRES_AT)


class Utterance(_InCall):
    """One segment of what was said, masked."""

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
    heard_ms = NumberAttribute(null=True, attr_name="heardMs")

    @classmethod
    def key_in(cls, call_id: str, turn: int, segment: int) -> tuple[str, str]:
        """Return PK and SK."""
        return Conversation.key(call_id)[0], f"{cls.SK_PREFIX}{turn:05}#{segment:03}"


class ToolCall(_InCall):
    """One tool run; `arguments` are masked, and absent if none are kept."""

    SK_PREFIX = "TOOL#"

    tool_use_id = UnicodeAttribute(attr_name="toolUseId")
    tool = UnicodeAttribute()
    arguments = JSONAttribute(null=True)
    arguments_hash = UnicodeAttribute(attr_name="argumentsHash")
    outcome = UnicodeAttribute()
    code = UnicodeAttribute(null=True)
    started_at = InstantAttribute(attr_name="startedAt")
    duration_ms = NumberAttribute(null=True, attr_name="durationMs")
    turn = NumberAttribute()

    @classmethod
    def key_in(cls, call_id: str, tool_use_id: str) -> tuple[str, str]:
        """Return PK and SK."""
        return Conversation.key(call_id)[0], f"{cls.SK_PREFIX}{tool_use_id}"


class RestoreData(_InCall):
    """What a call goes on from after its server died, sealed."""

    sealed = UnicodeAttribute()

    @classmethod
    def key(cls, item_id: str) -> tuple[str, str]:
        """Return PK and SK of a call's memory."""
        return Conversation.key(item_id)[0], "MEMORY"


class Ticket(Table):
    """A ticket that was used, and can't be again."""

    table_setting = "CALLS_TABLE"
    key_prefix = "TICKET"

    expires_at = TTLAttribute(attr_name=EXPIRES_AT)
