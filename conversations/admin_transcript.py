"""How a conversation is put for staff to read."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from conversations.admin_records import OUTCOME_LABELS, REASON_LABELS, STATE_LABELS
from conversations.domain import Conversation, Speaker, State, ToolCall, Transcript, Utterance

SHORT = 90
FELT_MS = 100


def transcript_context(talk: Transcript, at: datetime) -> dict[str, Any]:
    """Return what `conversations/talk.html` shows of a conversation at this moment."""
    conversation = talk.conversation
    state = conversation.state(at)
    return {
        "conversation": conversation,
        "state": state.value,
        "state_label": STATE_LABELS[state],
        "is_live": state is State.LIVE,
        "facts": _facts(conversation, at),
        "particulars": _particulars(conversation),
        "entries": [_entry(one) for one in talk.in_order()],
    }


def _facts(conversation: Conversation, at: datetime) -> list[tuple[str, str]]:
    """Return what tells how the call went."""
    progress = conversation.progress
    return _known(
        (_("length"), length(conversation.lasted(at))),
        (_("ended by"), ending(conversation)),
        (_("turns"), str(progress.turns)),
        (_("tool runs"), str(progress.tool_runs)),
        (_("interruptions"), str(progress.interruptions or "")),
        (_("median wait"), took(progress.latency.median_ms)),
        (_("longest wait"), took(progress.latency.max_ms)),
        (_("cost"), cost(conversation.cost_usd)),
        (_("errors"), ", ".join(dict.fromkeys(progress.errors))),
    )


def _particulars(conversation: Conversation) -> list[tuple[str, str]]:
    """Return what only those want to know who look after the server."""
    progress = conversation.progress
    tokens = progress.tokens
    return _known(
        (_("tokens of speech"), _in_and_out(tokens.speech_in, tokens.speech_out)),
        (_("tokens of text"), _in_and_out(tokens.text_in, tokens.text_out)),
        (_("median wait to the ear"), took(progress.latency.heard_median_ms)),
        (_("resumed"), str(progress.resumes or "")),
        (_("sessions renewed"), str(progress.renewals or "")),
        (_("voice"), conversation.voice),
        (_("model"), conversation.model_id),
        (_("connection"), conversation.wire),
        (_("call"), conversation.id),
    )


def _known(*facts: tuple[str, str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in facts if value]


def _entry(one: Utterance | ToolCall) -> dict[str, Any]:
    if isinstance(one, Utterance):
        return {
            "words": one,
            "is_customer": one.speaker is Speaker.USER,
            "latency": took(one.latency_ms),
            "heard": took(one.heard_ms),
        }
    return {
        "run": one,
        "outcome": OUTCOME_LABELS[one.outcome],
        "took": took(one.duration_ms),
        "arguments": [(name, _text(value)) for name, value in (one.arguments or {}).items()],
    }


def _in_and_out(tokens_in: int, tokens_out: int) -> str:
    taken, given = _whole(tokens_in), _whole(tokens_out)
    return _("%(taken)s in, %(given)s out") % {"taken": taken, "given": given}


def _whole(number: int) -> str:
    return number_format(number, use_l10n=True, force_grouping=True)


def ending(conversation: Conversation) -> str:
    """Return why it ended, in words where the code is known; "" if it hasn't."""
    return str(REASON_LABELS.get(conversation.reason or "", conversation.reason or ""))


def length(time: timedelta) -> str:
    """Return a time as a clock shows it: "2:05", or "1:02:05"."""
    minutes, rest = divmod(int(time.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def took(milliseconds: float | None) -> str:
    """Return a short time: in milliseconds while it is nothing people feel, else in seconds; "" for none."""
    if milliseconds is None:
        return ""
    if milliseconds < FELT_MS:
        return f"{milliseconds:.0f}\N{NO-BREAK SPACE}ms"
    return f"{number_format(round(milliseconds / 1000, 1), decimal_pos=1)}\N{NO-BREAK SPACE}s"


def cost(amount: Decimal) -> str:
    """Return what the model cost."""
    return f"US$\N{NO-BREAK SPACE}{number_format(round(amount, 3), decimal_pos=3)}"


def arguments_in_short(arguments: Mapping[str, Any] | None, *, at_most: int = SHORT) -> str:
    """Return a tool's arguments on one line, cut where it gets long."""
    line = ", ".join(f"{name}: {_text(value)}" for name, value in (arguments or {}).items())
    return f"{line[: at_most - 1]}…" if len(line) > at_most else line or "–"


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
