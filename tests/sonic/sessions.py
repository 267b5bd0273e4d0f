"""Protocols in a given state, and the steps that lead there."""

from collections.abc import Callable

from tests.sonic import service
from voice.sonic.events import (
    AudioContentStart,
    AudioInput,
    ContentEnd,
    PromptEnd,
    PromptStart,
    Role,
    SessionEnd,
    SessionStart,
)
from voice.sonic.protocol import SessionState, SonicProtocol

AUDIO_CONTENT = {"prompt_name": "p", "content_name": "mic"}
START = SessionStart(max_tokens=1024, top_p=0.9, temperature=0.7)
PROMPT = PromptStart(prompt_name="p", voice_id="carlos", output_rate_hz=24_000)
AUDIO_START = AudioContentStart(**AUDIO_CONTENT, input_rate_hz=16_000)
AUDIO = AudioInput(**AUDIO_CONTENT, pcm=b"\x01\x02")


def protocol_in(state: SessionState) -> SonicProtocol:
    """Return a session in `state`, reached by the steps that every call takes."""
    protocol = SonicProtocol()
    steps: dict[SessionState, Callable[[], None]] = {
        SessionState.NEW: lambda: None,
        SessionState.STARTED: lambda: protocol.send(START),
        SessionState.PROMPT_STARTED: lambda: protocol.send(PROMPT),
        SessionState.SYSTEM_PROMPT_SENT: lambda: send_text(protocol, "system", Role.SYSTEM),
        SessionState.AUDIO_OPEN: lambda: protocol.send(AUDIO_START),
        SessionState.AUDIO_ENDED: lambda: protocol.send(ContentEnd(**AUDIO_CONTENT)),
        SessionState.PROMPT_ENDED: lambda: protocol.send(PromptEnd(prompt_name="p")),
        SessionState.ENDED: lambda: protocol.send(SessionEnd()),
    }
    for reached, step in steps.items():
        step()
        assert protocol.state is reached
        if reached is state:
            break
    protocol.payloads_to_send()
    return protocol


def send_text(
    protocol: SonicProtocol, name: str, role: Role, text: str = "hola", *, interactive: bool = False
) -> None:
    protocol.send_text(content_name=name, role=role, text=text, interactive=interactive)


def receive_tool_use(protocol: SonicProtocol, tool_use_id: str = "u-1") -> None:
    protocol.receive_payload(service.tool_use("t", tool_use_id, "{}"))


def send_result(protocol: SonicProtocol, name: str, tool_use_id: str = "u-1") -> None:
    protocol.send_tool_result(content_name=name, tool_use_id=tool_use_id, result={"ok": True})
