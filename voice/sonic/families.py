"""Differences between the generations of the model. Pure.

Sources: Amazon Nova 2 user guide, "Chat history", "Cross-modal input" and "Turn taking"; its document history
of 22 June 2026 for the history limits (50 KB a message, 200 KB in total); AWS's prompting guide for Nova 2.5
Sonic (aws-samples/amazon-nova-samples); for the first model, AWS's answers in sample-sonic-cdk-agent issue 31.
Where no page mentions Nova 2.5, the values of Nova 2 are used.
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
    """One generation of the model; `name` selects its prompt."""

    name: str
    history: HistoryLimits
    accepts_text: bool = True
    """Whether text in mid-call makes the model reply: greeting, typed text, late tool results."""
    accepts_endpointing: bool = True
    """Whether a session may set its endpointing sensitivity."""
    is_silent_during_tools: bool = False
    """Whether the model says nothing by itself while it waits for a tool."""


FIRST = Family(
    name="nova-sonic",
    history=HistoryLimits(total_bytes=40_000, message_bytes=1_000, messages=40),
    accepts_text=False,
    accepts_endpointing=False,
)
NOVA_2 = Family(
    name="nova-2-sonic",
    history=HistoryLimits(total_bytes=200_000, message_bytes=50_000),
)
NOVA_2_5 = Family(
    name="nova-2-5-sonic",
    history=HistoryLimits(total_bytes=200_000, message_bytes=50_000),
    is_silent_during_tools=True,
)


def family_of(model_id: str) -> Family:
    """Return the generation of a model; an unknown model counts as the newest generation."""
    for prefix, family in (("amazon.nova-sonic-v1", FIRST), ("amazon.nova-2-sonic", NOVA_2)):
        if model_id.startswith(prefix):
            return family
    return NOVA_2_5
