"""Messages that several tests of the wires use."""

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
