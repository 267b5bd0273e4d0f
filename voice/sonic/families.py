"""Differences between the generations of the model. Pure.

Source: Amazon Nova 2 user guide, "Chat history", "Cross-modal input" and "Turn taking"; for the
first model, AWS's answers in sample-sonic-cdk-agent issue 31. Where no page mentions Nova 2.5, the
values of Nova 2 are used.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLimits:
    """Limits of the conversation history that a session accepts, in bytes of UTF-8."""

    total_bytes: int
    message_bytes: int | None = None
    """Longest message; None if a message may be split into several."""
    messages: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One generation of the model."""

    history: HistoryLimits
    accepts_text: bool = True
    """Whether text in mid-call makes the model reply: greeting, typed text, late tool results."""
    accepts_endpointing: bool = True
    """Whether a session may set its endpointing sensitivity."""


FIRST = Family(
    history=HistoryLimits(total_bytes=40_000, message_bytes=1_000, messages=40),
    accepts_text=False,
    accepts_endpointing=False,
)
SECOND = Family(history=HistoryLimits(total_bytes=40_000))
"""Nova 2 and 2.5."""


def family_of(model_id: str) -> Family:
    """Return the generation of a model; an unknown model counts as the newest generation."""
    return FIRST if model_id.startswith("amazon.nova-sonic-v1") else SECOND
