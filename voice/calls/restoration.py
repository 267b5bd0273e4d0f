"""What a call continues from that another server had: what is stored of it, as the engine takes it."""

from collections.abc import Iterator

from conversations.domain import Speaker, StoredCall, ToolOutcome
from voice.calls.engine.settings import RestoredState
from voice.calls.uplink import Uplink
from voice.wire.messages import ResumeCall, ToolFinished

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
        opened_in=stored.state["openSince"],
        age_s=stored.state["livedS"],
        generation=resume.generation,
    )


def restored_uplink(stored: StoredCall, resume: ResumeCall) -> Uplink:
    """Return what is known of the client's frames.

    A client that was loaded anew has none of them any more: it continues behind those that were received.
    """
    next_text = stored.state["words"]
    next_sequence = next_text if resume.has_lost_state else stored.state["wanted"]
    return Uplink(next_sequence=next_sequence, next_text=next_text)


def _is_answer_due(stored: StoredCall, resume: ResumeCall) -> bool:
    """Whether the last question has no answer that has all come, and that the client has.

    Of the directives only the greeting is repeated, as long as the customer has not said anything. A goodbye
    is not: the customer has resumed the call.
    """
    state, said = stored.state, stored.utterances
    is_missing = not resume.has_lost_state and resume.next_sequence < state["sent"]
    is_incomplete = bool(state["owes"]) or is_missing
    if any(utterance.speaker is Speaker.USER for utterance in said):
        is_unanswered = said[-1].speaker is Speaker.USER
        return is_unanswered or (is_incomplete and not state["directed"])
    return bool(state["greets"]) and (is_incomplete or not said)


def _open_tool_calls(stored: StoredCall) -> list[tuple[str, str]]:
    """Return key and signature of the tool calls that the open question led to.

    Their server may have died before it gave the results. The assistant calls the tools again, and must
    get the effect there was, not another one.
    """
    opened_in = stored.state["openSince"]
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
