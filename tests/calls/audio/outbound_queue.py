"""Helpers for tests of the outbound queue: messages, chunks of audio, and what is sent."""

from collections.abc import Iterable
from dataclasses import replace

from voice.calls.audio.outbound import OutboundQueue
from voice.wire.messages import (
    CallEnded,
    ClientAcknowledgement,
    EndReason,
    OutboundMessage,
    ResumeCall,
    ServerMessage,
    SpeechChunk,
    ToolStarted,
)

WINDOW = 100
ENDED = CallEnded(reason=EndReason.CLIENT)


def outbound(*, window: int | None = WINDOW, bound: int = 1_000) -> OutboundQueue:
    return OutboundQueue(window_samples=window, max_samples=bound)


def speech(position: int, samples: int, *, generation: int = 0, last: bool = False) -> SpeechChunk:
    return SpeechChunk(
        generation=generation, position=position, pcm=bytes(2 * samples), is_last=last, turn=1
    )


def event(number: int) -> ToolStarted:
    return ToolStarted(tool_use_id=str(number), name="look")


def enqueue(link: OutboundQueue, *messages: ServerMessage) -> None:
    """Put messages; audio as the service sends it."""
    for message in messages:
        if not isinstance(message, SpeechChunk):
            link.enqueue(message)
            continue
        assert message.position == link.position, "audio has no gaps"
        if message.pcm:
            link.open_reply("a", turn=1, source={})
            link.push_audio("a", message.pcm)
        if message.is_last:
            link.end_reply(is_answer=True)


def sent(link: OutboundQueue) -> list[ServerMessage]:
    """Take all messages that may be sent now."""
    return [one.message for one in taken(link)]


def taken(link: OutboundQueue) -> list[OutboundMessage]:
    found = []
    while (one := link.next()) is not None:
        message = one.message
        if isinstance(message, SpeechChunk):
            message = replace(message, is_first=False)
        found.append(replace(one, message=message))
    return found


def numbers(ones: Iterable[OutboundMessage]) -> list[int | None]:
    return [one.sequence for one in ones]


def played(*, sequence: int = 0, generation: int = 0, position: int = 0) -> ClientAcknowledgement:
    return ClientAcknowledgement(sequence=sequence, generation=generation, position=position)


def resume(
    *, wanted: int = 0, generation: int = 0, position: int = 0, has_lost_state: bool = False
) -> ResumeCall:
    return ResumeCall(
        token="t",
        next_sequence=wanted,
        generation=generation,
        position=position,
        has_lost_state=has_lost_state,
    )
