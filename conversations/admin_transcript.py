"""Format conversations for the staff's pages."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.formats import number_format
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common.money import MAX_AMOUNT, format_amount, parse_amount, round_to_cent
from common.text import visible
from conversations.admin_records import (
    OUTCOME_LABELS,
    PURPOSE_LABELS,
    REASON_LABELS,
    RESULT_LABELS,
    STATE_LABELS,
)
from conversations.domain import (
    Conversation,
    ConversationState,
    Speaker,
    ToolCall,
    Transcript,
    Utterance,
)
from conversations.labels import argument_label, error_label, tool_label
from conversations.results import CallResult, Purpose, summarize

MAX_ARGUMENTS_LENGTH = 90
PERCEPTIBLE_MS = 100
RECORD_PAGES = {
    "order": ("admin:orders_order_change", gettext_lazy("Order")),
    "appointment": ("admin:appointments_appointment_change", gettext_lazy("Appointment")),
}
"""By kind of record, the name of its page and its label."""


def transcript_context(transcript: Transcript, now: datetime) -> dict[str, Any]:
    """Return the context of the template `conversations/transcript.html`."""
    conversation = transcript.conversation
    state = conversation.state_at(now)
    return {
        "conversation": conversation,
        "state": state.value,
        "state_label": STATE_LABELS[state],
        "is_live": conversation.may_go_on_at(now),
        "facts": [*_summary_facts(transcript.tool_calls), *_facts(conversation, now)],
        "technical_facts": _technical_facts(conversation),
        "entries": [_entry(each) for each in transcript.entries()],
    }


def _summary_facts(tool_calls: Sequence[ToolCall]) -> list[tuple[str, str]]:
    """Return what the customer wanted and got so far, also of calls that ended before it was stored."""
    summary = summarize(tool_calls)
    return _without_empty(
        (_("wanted"), format_wanted(summary.wanted)),
        (_("result"), format_result(summary.result)),
        (_("why not"), error_label(summary.code) if summary.code else ""),
    )


def _facts(conversation: Conversation, now: datetime) -> list[tuple[str, str]]:
    statistics = conversation.statistics
    return _without_empty(
        (_("length"), format_length(conversation.duration_at(now))),
        (_("ended by"), format_reason(conversation)),
        (_("turns"), str(statistics.turns)),
        (_("tool runs"), str(statistics.tool_calls)),
        (_("interruptions"), str(statistics.interruptions or "")),
        (_("median wait"), format_latency(statistics.latency.median_ms)),
        (_("longest wait"), format_latency(statistics.latency.max_ms)),
        (_("cost"), format_cost(conversation.cost_usd)),
        (_("errors"), format_errors(conversation)),
    )


def _technical_facts(conversation: Conversation) -> list[tuple[str, str]]:
    """Return the facts for the people who operate the server."""
    statistics = conversation.statistics
    tokens = statistics.tokens
    return _without_empty(
        (_("tokens of speech"), _format_tokens(tokens.speech_in, tokens.speech_out)),
        (_("tokens of text"), _format_tokens(tokens.text_in, tokens.text_out)),
        (_("median wait until playback"), format_latency(statistics.latency.playback_median_ms)),
        (_("resumed"), str(statistics.resumes or "")),
        (_("sessions renewed"), str(statistics.rotations or "")),
        (_("voice"), conversation.voice),
        (_("model"), conversation.model_id),
        (_("connection"), conversation.wire),
        (_("call"), conversation.id),
    )


def _without_empty(*facts: tuple[str, str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in facts if value]


def _entry(entry: Utterance | ToolCall) -> dict[str, Any]:
    if isinstance(entry, Utterance):
        return {
            "utterance": entry,
            "is_customer": entry.speaker is Speaker.USER,
            "latency": format_latency(entry.latency_ms),
            "playback_latency": format_latency(entry.playback_latency_ms),
        }
    arguments = entry.arguments or {}
    return {
        "tool_call": entry,
        "tool": tool_label(entry.name),
        "error": error_label(entry.error_code or ""),
        "outcome": OUTCOME_LABELS[entry.outcome],
        "took": format_latency(entry.duration_ms),
        "record": _record_link(entry.record),
        "arguments": [
            (argument_label(name), _format_argument(name, value))
            for name, value in arguments.items()
        ],
    }


def _record_link(record: str | None) -> dict[str, str] | None:
    """Return URL and label of the page of a record, e.g. "order:123456"."""
    kind, _colon, record_id = (record or "").partition(":")
    if kind not in RECORD_PAGES:
        return None
    view, label = RECORD_PAGES[kind]
    return {
        "url": reverse(view, args=[record_id]),
        "label": f"{label} {record_id}",
        "patient_url": f"{reverse('admin:patient')}?{urlencode({kind: record_id})}",
    }


def _format_tokens(tokens_in: int, tokens_out: int) -> str:
    values = {"tokens_in": _format_count(tokens_in), "tokens_out": _format_count(tokens_out)}
    return _("%(tokens_in)s in, %(tokens_out)s out") % values


def _format_count(number: int) -> str:
    return number_format(number, use_l10n=True, force_grouping=True)


def format_reason(conversation: Conversation) -> str:
    """Return why a conversation ended: the label of the code, or the code; "" if it is live.

    A call that ended in silence after its connection was lost ended because the customer left.
    """
    if conversation.left_at is not None and conversation.reason == "idle":
        return str(STATE_LABELS[ConversationState.LEFT])
    return str(REASON_LABELS.get(conversation.reason or "", conversation.reason or ""))


def format_wanted(purposes: Iterable[str]) -> str:
    """Return what a customer wanted in words."""
    return ", ".join(str(PURPOSE_LABELS.get(Purpose(each), each)) for each in purposes)


def format_result(result: str) -> str:
    """Return what became of it in words; "" for a call of which nothing is stored."""
    return str(RESULT_LABELS[CallResult(result)]) if result else ""


def format_errors(conversation: Conversation) -> str:
    """Return the errors of a conversation in words, each once."""
    return ", ".join(dict.fromkeys(map(error_label, conversation.statistics.error_codes)))


def format_length(duration: timedelta) -> str:
    """Return a duration as minutes and seconds, "2:05", or with hours, "1:02:05"."""
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def format_latency(milliseconds: float | None) -> str:
    """Return a short time: milliseconds below `PERCEPTIBLE_MS`, else seconds; "" for None."""
    if milliseconds is None:
        return ""
    if milliseconds < PERCEPTIBLE_MS:
        return f"{milliseconds:.0f}\N{NO-BREAK SPACE}ms"
    return f"{number_format(round(milliseconds / 1000, 1), decimal_pos=1)}\N{NO-BREAK SPACE}s"


def format_cost(cost_usd: Decimal) -> str:
    """Return a cost in US dollars with three decimals."""
    return f"US$\N{NO-BREAK SPACE}{number_format(round(cost_usd, 3), decimal_pos=3)}"


def format_arguments(
    arguments: Mapping[str, Any] | None, *, max_length: int = MAX_ARGUMENTS_LENGTH
) -> str:
    """Return a tool's arguments as one line of at most `max_length` characters; "–" for none."""
    pairs = (arguments or {}).items()
    line = ", ".join(
        f"{argument_label(name)}: {_format_argument(name, value)}" for name, value in pairs
    )
    return f"{line[: max_length - 1]}…" if len(line) > max_length else line or "–"


def _format_argument(name: str, value: object) -> str:
    if name == "items" and isinstance(value, list):
        return visible("; ".join(map(_format_item, value)))
    if name == "total":
        return _format_amount(value)
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _format_item(item: object) -> str:
    """Return a product of an order: "2 × Producto A, $ 25,99"; what is no product as it was given."""
    if not isinstance(item, Mapping) or not {"name", "price"} <= item.keys():
        return json.dumps(item, ensure_ascii=False)
    return f"{item.get('quantity', 1)} × {item['name']}, {_format_amount(item['price'])}"


def _format_amount(value: object) -> str:
    amount = parse_amount(value) if isinstance(value, str) else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        amount = round_to_cent(Decimal(str(value))) if abs(value) < MAX_AMOUNT else None
    return visible(str(value)) if amount is None else format_amount(amount)
