"""Differences between the generations of the model. Pure.

Sources: Amazon Nova 2 user guide, "Chat history", "Cross-modal input" and "Turn taking"; its document history
of 22 June 2026 for the history limits (50 KB a message, 200 KB in total); AWS's prompting guide for Nova 2.5
Sonic (aws-samples/amazon-nova-samples); for the first model, AWS's answers in sample-sonic-cdk-agent issue 31.
Others quote AWS for the Regions of Nova 2.5 (October 2026). It was seen to speak 0.74 s after `userSpeechEnd`, so it
may end a turn after 0.3 s; Nova 2 was seen to speak 1.14 s after the end of speech. Where no page mentions Nova 2.5, the values of Nova 2 are used.
"""

from collections.abc import Mapping
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
    shortest_pause_ms: float = 400.0
    """Shortest pause after which the model may end a turn, with a margin."""
    regions: frozenset[str] | None = None
    """Regions that have the model; None where they are not checked."""


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
    shortest_pause_ms=200.0,
    regions=frozenset({"us-east-1", "us-west-2", "eu-north-1", "ap-northeast-1"}),
)


def family_of(model_id: str) -> Family:
    """Return the generation of a model; an unknown model counts as the newest generation."""
    for prefix, family in (("amazon.nova-sonic-v1", FIRST), ("amazon.nova-2-sonic", NOVA_2)):
        if model_id.startswith(prefix):
            return family
    return NOVA_2_5


def regions_without(model_id: str, endpoints: Mapping[str, str | None]) -> list[str]:
    """Return the Regions in which AWS does not offer this model.

    Args:
        model_id: Bedrock's id of the model. Only the ids of known families are checked.
        endpoints: Bedrock's endpoint in each Region, None for AWS's own. A Region with another endpoint is
            not checked, so that a Region that AWS adds later can be used by naming its endpoint.

    """
    family = family_of(model_id)
    if family.regions is None or not model_id.startswith(f"amazon.{family.name}"):
        return []
    return [
        region
        for region, endpoint_url in endpoints.items()
        if endpoint_url is None and region not in family.regions
    ]
