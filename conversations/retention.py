"""What of a call may lie in the table, in which form and for how long: as the settings say."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from conversations.domain import (
    COUNTS_LAST,
    MAX_ERRORS,
    MAX_TEXT_LENGTH,
    Latency,
    Prices,
    Progress,
    Utterance,
)
from conversations.masking import mask_arguments, mask_text
from conversations.rows import figures


def words_last() -> timedelta:
    """Return how long what was said is kept; nothing of it is, if that is no time at all."""
    return timedelta(days=settings.CONVERSATION_RETENTION_DAYS)


def figures_last() -> timedelta:
    """Return how long the figures are kept."""
    return words_last() or COUNTS_LAST


def words_as_kept(words: Sequence[Utterance]) -> list[Utterance]:
    """Return the words as they may be stored, masked; none where none are to be kept."""
    if not words_last():
        return []
    return [
        replace(
            each,
            text=mask_text(each.text, masks=settings.CONVERSATION_MASKS)[:MAX_TEXT_LENGTH],
            latency_ms=_rounded(each.latency_ms),
            heard_ms=_rounded(each.heard_ms),
        )
        for each in words
    ]


def arguments_as_kept(arguments: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return a tool's arguments as they may be stored, masked; None where none are to be kept."""
    if not words_last():
        return None
    masked = mask_arguments(arguments, masks=settings.CONVERSATION_MASKS)
    text = json.dumps(masked, ensure_ascii=False, default=str)
    return masked if len(text) <= MAX_TEXT_LENGTH else {"…": text[:MAX_TEXT_LENGTH]}


def progress_as_kept(progress: Progress, now: datetime) -> dict[str, Any]:
    """Return what a conversation's row says of a call that is so far now, with what it costs."""
    latency = Latency(
        median_ms=_rounded(progress.latency.median_ms),
        max_ms=_rounded(progress.latency.max_ms),
        heard_median_ms=_rounded(progress.latency.heard_median_ms),
    )
    shown = replace(progress, latency=latency, errors=progress.errors[:MAX_ERRORS])
    return {
        **figures(shown),
        "cost_usd": _prices().of(progress.tokens),
        "alive_at": now,
        "updated_at": now,
    }


def _prices() -> Prices:
    speech_in, text_in, speech_out, text_out = settings.NOVA_SONIC_PRICES
    return Prices(speech_in=speech_in, text_in=text_in, speech_out=speech_out, text_out=text_out)


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 1)
