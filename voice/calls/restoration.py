"""What a call goes on from that another server began: what is stored, as the call knows it. Pure."""

from collections.abc import Iterator

from conversations.domain import StoredCall, ToolOutcome
from voice.calls.options import RestoredState
from voice.calls.transcript import Transcript
from voice.calls.uplink import Uplink
from voice.wire.messages import ResumeCall, ToolFinished

_ENDED = frozenset({ToolOutcome.OK, ToolOutcome.REFUSED, ToolOutcome.FAILED})


def restored_state(taken: StoredCall, resume: ResumeCall) -> RestoredState:
    """Return what a call goes on from, given what is stored and what its client has."""
    transcript = Transcript.restored(taken.utterances)
    owes_answer = _owes_answer(transcript, taken, resume)
    return RestoredState(
        transcript=transcript,
        tool_runs=_earlier_runs(taken) if owes_answer else (),
        shown_tool_calls=list(_tools_shown(taken)),
        owes_answer=owes_answer,
        open_since=taken.state["openSince"],
        age_s=taken.state["livedS"],
    )


def restored_uplink(taken: StoredCall, resume: ResumeCall) -> Uplink:
    """Return what is known of the client's frames; one that forgot them begins behind those that came."""
    words = taken.state["words"]
    return Uplink(wanted=words if resume.has_lost_state else taken.state["wanted"], words=words)


def _owes_answer(transcript: Transcript, taken: StoredCall, resume: ResumeCall) -> bool:
    """Whether the last thing that was asked has no answer that all came, and all arrived.

    Of what the server asked in the customer's place the greeting is owed, for as long as they have said
    nothing; a goodbye is not: they are back.
    """
    state = taken.state
    is_short = bool(state["owes"]) or (
        not resume.has_lost_state and resume.next_sequence < state["sent"]
    )
    if transcript.has_customer_spoken:
        return transcript.awaits_answer or (is_short and not state["directed"])
    return bool(state["greets"]) and (is_short or not taken.utterances)


def _earlier_runs(taken: StoredCall) -> list[tuple[str, str]]:
    """Return key and signature of the tool runs that the open question led to.

    Whoever ran them may have died before their result was told. So the assistant asks again, and must
    get the effect there was, not another one.
    """
    since = taken.state["openSince"]
    return [(run.tool_use_id, run.arguments_hash) for run in taken.tool_calls if run.turn >= since]


def _tools_shown(taken: StoredCall) -> Iterator[tuple[int, ToolFinished]]:
    """Yield what shows each tool run that came to an end, with its turn."""
    for run in taken.tool_calls:
        if run.outcome in _ENDED:
            shown = ToolFinished(
                tool_use_id=run.tool_use_id,
                name=run.name,
                outcome=run.outcome,
                duration_ms=round(run.duration_ms or 0),
            )
            yield run.turn, shown
