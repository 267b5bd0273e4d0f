"""What a call continues from that another server had: what is stored of it, as the engine takes it."""

from collections.abc import Iterator
from enum import StrEnum

from conversations.domain import Speaker, StoredCall, ToolOutcome
from voice.calls.engine.settings import RestoredState
from voice.calls.uplink import Uplink
from voice.wire.messages import ResumeCall, ToolFinished


class StateKey(StrEnum):
    """The keys of the stored state of a call (`voice.calls.recorder.RecordedState`). Flags are 0 or 1."""

    FIRST_UNSAFE_FRAME = "wanted"
    """The first frame of the client that another server needs again."""
    FIRST_UNSTORED_TEXT = "words"
    """The first frame of the client whose text is not stored."""
    NEXT_OUTBOUND_NUMBER = "sent"
    """The number of the next frame to the client."""
    IS_ANSWER_DUE = "owes"
    """Whether the newest answer is not complete, or not completely sent to the client."""
    IS_DIRECTED = "directed"
    """Whether the newest question is a directive."""
    GREETS = "greets"
    """Whether the assistant speaks first."""
    OPENED_IN = "openSince"
    """The turn in which the oldest open question was asked."""
    AGE_S = "livedS"
    """The age of the call, on all servers together, in seconds."""
    INPUT_RATE_HZ = "inputRateHz"
    """The sample rate of the customer's audio."""


_FINISHED = frozenset(
    {ToolOutcome.OK, ToolOutcome.PROPOSED, ToolOutcome.REFUSED, ToolOutcome.FAILED}
)


def restored_state(stored: StoredCall, resume: ResumeCall) -> RestoredState:
    """Return what a call continues from, given what is stored of it and what its client has."""
    is_answer_due = _is_answer_due(stored, resume)
    return RestoredState(
        utterances=stored.utterances,
        tool_calls=_open_tool_calls(stored) if is_answer_due else (),
        shown_tool_calls=tuple(_shown_tool_calls(stored)),
        is_answer_due=is_answer_due,
        opened_in=stored.state[StateKey.OPENED_IN],
        age_s=stored.state[StateKey.AGE_S],
        generation=resume.generation,
    )


def restored_uplink(stored: StoredCall, resume: ResumeCall) -> Uplink:
    """Return what is known of the client's frames.

    A client that was loaded anew has none of them any more: it continues behind those that were received.
    """
    next_text = stored.state[StateKey.FIRST_UNSTORED_TEXT]
    next_sequence = (
        next_text if resume.has_lost_state else stored.state[StateKey.FIRST_UNSAFE_FRAME]
    )
    return Uplink(next_sequence=next_sequence, next_text=next_text)


def _is_answer_due(stored: StoredCall, resume: ResumeCall) -> bool:
    """Whether the last question has no answer that has all come, and that the client has.

    Of the directives only the greeting is repeated, as long as the customer has not said anything. A goodbye
    is not: the customer has resumed the call.
    """
    state, said = stored.state, stored.utterances
    is_missing = (
        not resume.has_lost_state and resume.next_sequence < state[StateKey.NEXT_OUTBOUND_NUMBER]
    )
    is_incomplete = bool(state[StateKey.IS_ANSWER_DUE]) or is_missing
    if any(utterance.speaker is Speaker.USER for utterance in said):
        is_unanswered = said[-1].speaker is Speaker.USER
        return is_unanswered or (is_incomplete and not state[StateKey.IS_DIRECTED])
    return bool(state[StateKey.GREETS]) and (is_incomplete or not said)


def _open_tool_calls(stored: StoredCall) -> list[tuple[str, str]]:
    """Return key and signature of the tool calls that the open question led to.

    Their server may have died before it gave the results. The assistant calls the tools again, and must
    get the effect there was, not another one.
    """
    opened_in = stored.state[StateKey.OPENED_IN]
    return [
        (call.tool_use_id, call.arguments_hash)
        for call in stored.tool_calls
        if call.turn >= opened_in
    ]


def _shown_tool_calls(stored: StoredCall) -> Iterator[tuple[int, ToolFinished]]:
    """Yield what shows each finished tool call, with its turn."""
    for call in stored.tool_calls:
        if call.outcome in _FINISHED:
            yield (
                call.turn,
                ToolFinished(
                    tool_use_id=call.tool_use_id,
                    name=call.name,
                    outcome=call.outcome,
                    duration_ms=round(call.duration_ms or 0),
                ),
            )
