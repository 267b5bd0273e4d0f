"""What sets the generations of the model apart, as far as a call must know it. Pure.

Source: Amazon Nova 2 user guide, "Chat history", "Cross-modal input" and "Turn taking"; for the first
model AWS's answers in sample-sonic-cdk-agent issue 31. What no page says of 2.5 is taken as of 2.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLimits:
    """How much of an earlier conversation a session takes, in bytes of UTF-8."""

    total_bytes: int
    message_bytes: int | None = None
    """Longest message; None where a message may be sent in several pieces."""
    messages: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One generation of the model."""

    history: HistoryLimits
    takes_text: bool = True
    """Whether text in the middle of a call makes it speak: greeting, typed words, late results."""
    takes_sensitivity: bool = True
    """Whether the session may choose how soon a pause ends a turn."""


FIRST = Family(
    history=HistoryLimits(total_bytes=40_000, message_bytes=1_000, messages=40),
    takes_text=False,
    takes_sensitivity=False,
)
SECOND = Family(history=HistoryLimits(total_bytes=40_000))
"""Nova 2 and 2.5."""


def family_of(model_id: str) -> Family:
    """Return the generation of a model; one that is not known is taken for a new one."""
    return FIRST if model_id.startswith("amazon.nova-sonic-v1") else SECOND
