"""Decide what of a call is stored, in which form and for how long, as the settings say."""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings

from conversations.domain import (
    MAX_ERROR_CODES,
    MAX_TEXT_LENGTH,
    STATISTICS_LIFETIME,
    ConversationStatistics,
    Latency,
    Speaker,
    TokenPrices,
    TokenUsage,
    Utterance,
)
from conversations.items import statistics_attributes
from conversations.masking import mask_arguments, mask_text, mask_texts

NEAR_UTTERANCES = 3
"""Over how many utterances before and after it a dictated number may go on."""


def text_lifetime() -> timedelta:
    """Return how long utterances and arguments are stored; zero means that they are not stored."""
    return timedelta(days=settings.CONVERSATION_RETENTION_DAYS)


def statistics_lifetime() -> timedelta:
    """Return how long a conversation and its statistics are stored."""
    return text_lifetime() or STATISTICS_LIFETIME


def storable_utterances(
    utterances: Sequence[Utterance], *, of_call: Sequence[Utterance] = ()
) -> list[Utterance]:
    """Return the utterances as they may be stored: masked, or none if no text is stored.

    `of_call` are those of the call so far. If a number of the customer goes on in another utterance, that
    one is returned, too.
    """
    if not text_lifetime():
        return []
    across = _texts_masked_across(utterances, of_call)
    keys = {each.key for each in utterances}
    others = [each for each in of_call if each.key in across and each.key not in keys]
    return [
        replace(
            each,
            text=across.get(each.key, _masked(each.text))[:MAX_TEXT_LENGTH],
            latency_ms=_rounded(each.latency_ms),
            playback_latency_ms=_rounded(each.playback_latency_ms),
        )
        for each in [*others, *utterances]
    ]


def _texts_masked_across(
    changed: Sequence[Utterance], of_call: Sequence[Utterance]
) -> dict[tuple[int, int], str]:
    """Return the customer's texts that are masked because of a number in several of them, by key."""
    keys = {each.key for each in changed}
    said = [each for each in of_call if each.speaker is Speaker.USER and each.text]
    said.sort(key=lambda each: (each.turn, each.segment))
    masked: dict[tuple[int, int], str] = {}
    for index, utterance in enumerate(said):
        if utterance.key not in keys:
            continue
        near = said[max(0, index - NEAR_UTTERANCES) : index + NEAR_UTTERANCES + 1]
        texts = mask_texts(
            [_composed(each.text) for each in near], masks=settings.CONVERSATION_MASKS
        )
        for each, text in zip(near, texts, strict=True):
            if text != _masked(each.text):
                masked[each.key] = text
    return masked


def _masked(text: str) -> str:
    """Return the masked text. Accents are composed first: the masks know `dieciséis` in that form."""
    return mask_text(_composed(text), masks=settings.CONVERSATION_MASKS)


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def storable_arguments(arguments: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return a tool's arguments as they may be stored: masked, or None if no text is stored.

    Arguments that are too long become one text under the key "…", cut to the allowed length.
    """
    if not text_lifetime():
        return None
    masked = mask_arguments(arguments, masks=settings.CONVERSATION_MASKS)
    text = json.dumps(masked, ensure_ascii=False, default=str)
    return masked if len(text) <= MAX_TEXT_LENGTH else {"…": text[:MAX_TEXT_LENGTH]}


def progress_attributes(statistics: ConversationStatistics, now: datetime) -> dict[str, Any]:
    """Return the item attributes that change with the statistics, including the cost."""
    latency = Latency(
        median_ms=_rounded(statistics.latency.median_ms),
        max_ms=_rounded(statistics.latency.max_ms),
        playback_median_ms=_rounded(statistics.latency.playback_median_ms),
    )
    error_codes = statistics.error_codes[:MAX_ERROR_CODES]
    return {
        **statistics_attributes(replace(statistics, latency=latency, error_codes=error_codes)),
        "cost_usd": cost_usd(statistics.tokens),
        "heartbeat_at": now,
        "updated_at": now,
    }


def cost_usd(tokens: TokenUsage) -> Decimal:
    """Return what the model costs for `tokens`, at the prices of the settings."""
    return _prices().cost_usd(tokens)


def _prices() -> TokenPrices:
    speech_in, text_in, speech_out, text_out = settings.NOVA_SONIC_PRICES
    return TokenPrices(
        speech_in=speech_in, text_in=text_in, speech_out=speech_out, text_out=text_out
    )


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 1)
