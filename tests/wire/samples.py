"""Messages that several tests of the wires use."""

from datetime import UTC, datetime

from conversations.domain import Speaker, Stage, Utterance
from voice.wire import messages as m

READY = m.CallReady(
    call_id="3f2a",
    input_rate_hz=16000,
    output_rate_hz=24000,
    voice="carlos",
    language="es",
    resume_token="3f2a.zG0kq8",
    resume_for_s=30,
    window_ms=3000,
)


def caption(
    speaker: Speaker, stage: Stage, text: str, *, segment: int, position: int = 0
) -> m.Caption:
    """Return a caption of the first turn."""
    utterance = Utterance(
        turn=1,
        segment=segment,
        speaker=speaker,
        text=text,
        at=datetime(2099, 1, 1, tzinfo=UTC),
        stage=stage,
        position=position,
    )
    return m.Caption(utterance=utterance)
