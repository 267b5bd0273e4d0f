"""What breaks each rule of the service, and how the service answers; `docs/rules.md` lists them.

The last event of each sequence breaks the rule and the events before it break none.
"""

from nova_sonic_simulator.protocol.chunks import Failure
from nova_sonic_simulator.protocol.errors import (
    INVALID_INPUT,
    LATE_HISTORY,
    TOOL_RESULT,
    UNPARSABLE,
)
from support.events import (
    Event,
    answer,
    audio_input,
    audio_start,
    changed,
    closing,
    content_end,
    opening,
    prompt_end,
    prompt_start,
    sensitivity,
    session_end,
    session_start,
    system,
    text,
    text_input,
    text_start,
    tool,
    tool_result,
    tool_start,
)

STARTED = [session_start(), prompt_start()]
BEFORE_AUDIO = [*STARTED, *system()]
KB = 1024
LONG = "x" * (50 * KB)
HALF = "x" * (25 * KB)
INFERENCE = "sessionStart.inferenceConfiguration"
AUDIO_OUT = "promptStart.audioOutputConfiguration"
AUDIO_IN = "contentStart.audioInputConfiguration"
RESULT = "contentStart.toolResultInputConfiguration"


def tools(*items: object, **fields: object) -> Event:
    return prompt_start(toolConfiguration={"tools": list(items), **fields})


def history(*roles: str, content: str = "Hola.") -> list[Event]:
    numbered = enumerate(roles)
    return [event for n, role in numbered for event in text(f"past-{n}", content, role)]


ORDER: dict[str, tuple[Failure, list[Event]]] = {
    "nothing before sessionStart": (INVALID_INPUT, [prompt_start()]),
    "sessionEnd of nothing": (INVALID_INPUT, [session_end()]),
    "sessionStart once": (INVALID_INPUT, [session_start(), session_start()]),
    "promptStart once": (INVALID_INPUT, [*STARTED, prompt_start()]),
    "no block before promptStart": (INVALID_INPUT, [session_start(), text_start("a")]),
    "an unknown promptName": (
        INVALID_INPUT,
        [*STARTED, changed(text_start("a"), "contentStart.promptName", "other")],
    ),
    "a voice of another model": (INVALID_INPUT, [session_start(), prompt_start(voice="greta")]),
    "a second system prompt": (INVALID_INPUT, [*BEFORE_AUDIO, text_start("s2", "SYSTEM")]),
    "a system prompt behind history": (
        INVALID_INPUT,
        [*BEFORE_AUDIO, *history("USER"), text_start("s2", "SYSTEM_SPEECH")],
    ),
    "history before the system prompt": (INVALID_INPUT, [*STARTED, text_start("a")]),
    "history where the assistant is first": (
        INVALID_INPUT,
        [*BEFORE_AUDIO, text_start("a", "ASSISTANT")],
    ),
    "history where one speaks twice": (
        INVALID_INPUT,
        [*BEFORE_AUDIO, *history("USER"), text_start("a")],
    ),
    "a history message over 50 KB": (
        INVALID_INPUT,
        [*BEFORE_AUDIO, text_start("a"), *[text_input("a", HALF)] * 2, text_input("a", "x")],
    ),
    "history over 200 KB": (
        INVALID_INPUT,
        [
            *BEFORE_AUDIO,
            *history(*["USER", "ASSISTANT"] * 2, content=LONG),
            text_start("a"),
            text_input("a", "x"),
        ],
    ),
    "history after the audio began": (LATE_HISTORY, [*opening(), text_start("a")]),
    "audio inside a block of text": (
        LATE_HISTORY,
        [*opening(), text_start("a", interactive=True), audio_input()],
    ),
    "the microphone inside a block of text": (
        LATE_HISTORY,
        [*BEFORE_AUDIO, text_start("a"), audio_start()],
    ),
    "a block inside a block of text": (
        INVALID_INPUT,
        [*BEFORE_AUDIO, text_start("a"), text_start("b", "ASSISTANT")],
    ),
    "interactive text by the assistant": (
        INVALID_INPUT,
        [*opening(), text_start("a", "ASSISTANT", interactive=True)],
    ),
    "interactive text after the microphone was closed": (
        INVALID_INPUT,
        [*opening(), content_end(), text_start("a", interactive=True)],
    ),
    "a second microphone": (INVALID_INPUT, [*opening(), audio_start("other")]),
    "a microphone opened again": (INVALID_INPUT, [*opening(), content_end(), audio_start("other")]),
    "a contentName used before": (INVALID_INPUT, [*BEFORE_AUDIO, text_start("system")]),
    "audio without a block": (INVALID_INPUT, [*BEFORE_AUDIO, audio_input()]),
    "audio after its block": (INVALID_INPUT, [*opening(), content_end(), audio_input()]),
    "audio into a text's block": (
        INVALID_INPUT,
        [*opening(), tool_start("r", "use-1"), audio_input(name="r")],
    ),
    "text without a block": (INVALID_INPUT, [*BEFORE_AUDIO, text_input("a", "x")]),
    "a block of text with nothing inside": (
        INVALID_INPUT,
        [*BEFORE_AUDIO, text_start("a"), content_end("a")],
    ),
    "a tool's block with nothing inside": (
        INVALID_INPUT,
        [*opening(), tool_start("r", "use-1"), content_end("r")],
    ),
    "contentEnd of nothing": (INVALID_INPUT, [*BEFORE_AUDIO, content_end("a")]),
    "a block closed twice": (INVALID_INPUT, [*opening(), content_end(), content_end()]),
    "a result nobody asked for": (INVALID_INPUT, [*opening(), tool_start("r", "use-9")]),
    "a second result for a tool": (
        INVALID_INPUT,
        [*opening(), *answer("r", "use-1"), tool_start("r2", "use-1")],
    ),
    "two results in one block": (
        INVALID_INPUT,
        [*opening(), tool_start("r", "use-1"), *[tool_result("r", "{}")] * 2],
    ),
    "text in place of a result": (
        TOOL_RESULT,
        [*opening(), tool_start("r", "use-1"), text_input("r", "{}")],
    ),
    "promptEnd inside a block of text": (
        INVALID_INPUT,
        [*opening(), text_start("a", interactive=True), prompt_end()],
    ),
    "promptEnd twice": (INVALID_INPUT, [*opening(), prompt_end(), prompt_end()]),
    "sessionEnd inside the prompt": (INVALID_INPUT, [*opening(), session_end()]),
    "anything after sessionEnd": (INVALID_INPUT, [*opening(), *closing(), session_start()]),
}

ORDER_OF_THE_FIRST_MODEL: dict[str, list[Event]] = {
    "turn detection": [sensitivity("HIGH")],
    "the second model's voice": [session_start(), prompt_start(voice="tina")],
    "SYSTEM_SPEECH": [*STARTED, text_start("s", "SYSTEM_SPEECH")],
    "promptEnd of a prompt that never had audio": [*BEFORE_AUDIO, prompt_end()],
    "more than 40 messages of history": [
        *BEFORE_AUDIO,
        *history(*["USER", "ASSISTANT"] * 20),
        text_start("a"),
    ],
    "a history textInput over 1 KB": [
        *BEFORE_AUDIO,
        text_start("a"),
        text_input("a", "x" * (KB + 1)),
    ],
    "history over 40 KB": [
        *BEFORE_AUDIO,
        text_start("a"),
        *[text_input("a", "x" * KB)] * 40,
        text_input("a", "x"),
    ],
}

SHAPE: dict[str, tuple[Failure, Event]] = {
    "a flat endpointingSensitivity": (INVALID_INPUT, session_start(endpointingSensitivity="HIGH")),
    "an unknown sensitivity": (INVALID_INPUT, sensitivity("high")),
    "topP over 1": (INVALID_INPUT, changed(session_start(), f"{INFERENCE}.topP", 1.1)),
    "a temperature under 0": (
        INVALID_INPUT,
        changed(session_start(), f"{INFERENCE}.temperature", -0.1),
    ),
    "no tokens": (INVALID_INPUT, changed(session_start(), f"{INFERENCE}.maxTokens", 0)),
    "half a token": (INVALID_INPUT, changed(session_start(), f"{INFERENCE}.maxTokens", 1.5)),
    "no voice": (INVALID_INPUT, changed(prompt_start(), f"{AUDIO_OUT}.voiceId", ...)),
    "no audio configuration": (INVALID_INPUT, changed(prompt_start(), AUDIO_OUT, ...)),
    "an output rate that doesn't exist": (INVALID_INPUT, prompt_start(rate_hz=48000)),
    "an input rate that doesn't exist": (INVALID_INPUT, audio_start(rate_hz=44100)),
    "stereo": (INVALID_INPUT, changed(audio_start(), f"{AUDIO_IN}.channelCount", 2)),
    "true is no number": (
        INVALID_INPUT,
        changed(audio_start(), f"{AUDIO_IN}.channelCount", True),
    ),
    "an empty name": (INVALID_INPUT, text_start("")),
    "a tool's schema as an object": (UNPARSABLE, tools(tool("a", {"type": "object"}))),
    "a tool's schema that isn't JSON": (INVALID_INPUT, tools(tool("a", "{"))),
    "a tool's schema that is a list": (INVALID_INPUT, tools(tool("a", "[]"))),
    "an unknown toolChoice": (INVALID_INPUT, tools(toolChoice={"none": {}})),
    "two toolChoices": (INVALID_INPUT, tools(toolChoice={"auto": {}, "any": {}})),
    "an unknown field": (INVALID_INPUT, session_start(voice="x")),
    "an unknown event": (INVALID_INPUT, {"APP_CUSTOM_state_update": {}}),
    "two events in one": (INVALID_INPUT, {**session_start(), **session_end()}),
    "an unknown type of block": (
        INVALID_INPUT,
        changed(text_start("a"), "contentStart.type", "VIDEO"),
    ),
    "an unknown role": (INVALID_INPUT, text_start("a", "NARRATOR")),
    "interactive that is a text": (
        INVALID_INPUT,
        changed(text_start("a"), "contentStart.interactive", "yes"),
    ),
    "audio of half a sample": (INVALID_INPUT, audio_input(bytes(13))),
    "audio that isn't base64": (
        INVALID_INPUT,
        changed(audio_input(), "audioInput.content", "[object Blob]"),
    ),
    "audio that is a list": (INVALID_INPUT, changed(audio_input(), "audioInput.content", [0])),
    "a result in prose": (TOOL_RESULT, tool_result("r", "El pedido está en camino")),
    "a result that is a list": (TOOL_RESULT, tool_result("r", "[]")),
    "a result with NaN": (TOOL_RESULT, tool_result("r", '{"a": NaN}')),
    "a tool's block by the USER": (TOOL_RESULT, tool_start("r", "use-1", role="USER")),
    "a tool's block without a media type": (
        TOOL_RESULT,
        changed(tool_start("r", "use-1"), f"{RESULT}.textInputConfiguration", ...),
    ),
}

UNREADABLE: dict[str, tuple[Failure, bytes]] = {
    "bytes that aren't JSON": (UNPARSABLE, b"{"),
    "bytes that aren't UTF-8": (UNPARSABLE, b'"\xff"'),
    "no bytes": (UNPARSABLE, b""),
    "NaN": (UNPARSABLE, b'{"event":{"sessionStart":NaN}}'),
    "nesting without end": (UNPARSABLE, b"[" * 100_000),
    "a list": (INVALID_INPUT, b"[]"),
    "a key beside `event`": (INVALID_INPUT, b'{"event":{"sessionStart":{}},"timestamp":1}'),
    "an event that is a text": (INVALID_INPUT, b'{"event":"sessionStart"}'),
    "fields that are a list": (INVALID_INPUT, b'{"event":{"sessionStart":[]}}'),
    "a contentStart that is a list": (INVALID_INPUT, b'{"event":{"contentStart":[]}}'),
    "a type that is a list": (INVALID_INPUT, b'{"event":{"contentStart":{"type":[]}}}'),
    "a number without end": (UNPARSABLE, b'{"event":{"sessionStart":' + b"1" * 5000 + b"}}"),
}
