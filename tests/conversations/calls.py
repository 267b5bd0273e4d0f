"""A call to keep, and what is said in it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from conversations import services
from conversations.domain import Progress, Speaker, Utterance

NOW = datetime(2099, 11, 23, 13, 0, tzinfo=UTC)
SECRET = "a-secret-of-a-call-that-nobody-guesses"
CALL = "c0ffee00c0ffee00c0ffee00c0ffee00"


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def begin(call_id: str = CALL, *, now: datetime = NOW, **changes: Any) -> int:
    """Open a conversation; return its epoch."""
    about = {
        "resume_secret": SECRET,
        "voice": "carlos",
        "language": "es",
        "model_id": "amazon.nova-2-sonic-v1:0",
        "wire": "sonic.audio.v1",
    }
    return services.open_conversation(call_id=call_id, now=now, **(about | changes)).epoch


def user(text: str, turn: int = 1, segment: int = 1, **changes: Any) -> Utterance:
    return _words(Speaker.USER, text, turn, segment, **changes)


def assistant(text: str, turn: int = 1, segment: int = 2, **changes: Any) -> Utterance:
    return _words(Speaker.ASSISTANT, text, turn, segment, **changes)


def _words(speaker: Speaker, text: str, turn: int, segment: int, **changes: Any) -> Utterance:
    when = at(10 * turn + segment)
    values: dict[str, Any] = {"at": when, **changes}
    return Utterance(speaker=speaker, text=text, turn=turn, segment=segment, **values)


def keep(
    *words: Utterance,
    call_id: str = CALL,
    epoch: int = 1,
    progress: Progress | None = None,
    state: Mapping[str, int] | None = None,
    now: datetime = NOW,
) -> None:
    services.record_progress(
        call_id=call_id,
        epoch=epoch,
        words=words,
        progress=progress or Progress(),
        state=state or {},
        now=now,
    )


def start_tool(
    tool_use_id: str = "tool-1",
    name: str = "consultarOrder",
    *,
    call_id: str = CALL,
    epoch: int = 1,
    now: datetime = NOW,
    **arguments: Any,
) -> None:
    services.start_tool_call(
        call_id=call_id,
        epoch=epoch,
        tool_use_id=tool_use_id,
        name=name,
        arguments=arguments,
        turn=1,
        now=now,
    )


def end(
    call_id: str = CALL,
    *,
    epoch: int = 1,
    reason: str = "client",
    progress: Progress | None = None,
    now: datetime = NOW,
) -> None:
    services.end_conversation(
        call_id=call_id, epoch=epoch, reason=reason, progress=progress or Progress(), now=now
    )
