"""A whole session without a clock: what is answered to what, in which order, at which moment."""

import base64
import itertools

import pytest

from nova_sonic_simulator.dialogue import Reply, ToolCall
from nova_sonic_simulator.protocol.errors import IDLE, INVALID_INPUT, TOO_LONG, RefusedError
from nova_sonic_simulator.session.playout import CHUNK_SAMPLES, SPEED_UP
from nova_sonic_simulator.testing.coded_audio import encode_number, encode_turn, silence
from support.events import (
    Event,
    answer,
    audio_input,
    closing,
    content_end,
    opening,
    prompt_end,
    sensitivity,
    session_end,
    session_start,
    text,
    text_input,
    text_start,
    typed,
)
from support.harness import (
    CALL,
    LOUD,
    SENTENCE_S,
    SILENT_CALL,
    TOOLS,
    TWO,
    V1,
    V2,
    V25,
    World,
    final,
    open_world,
    planned,
    user,
)

pytestmark = pytest.mark.pure


def test_a_plain_turn_comes_in_the_services_order() -> None:
    world = open_world(hola=TWO)
    world.send(*typed("t1", "hola"))
    world.pass_time(10)
    assert world.take_sent() == [
        "completionStart",
        *user("hola"),
        *planned("Uno dos tres cuatro.", "PARTIAL_TURN"),
        *planned("Cinco."),
        *final("Uno dos tres cuatro.", "PARTIAL_TURN"),
        *final("Cinco."),
    ]


def test_a_spoken_turn_is_answered_after_the_pause_that_ends_it() -> None:
    world = open_world()
    world.speak(0.5)
    world.be_silent(0.8)
    assert world.take_sent() == []
    world.be_silent(0.2)
    world.pass_time(10)
    assert world.take_sent() == [
        "completionStart",
        *user("hola"),
        *planned("Dijiste hola."),
        *final("Dijiste hola."),
    ]


@pytest.mark.parametrize(
    ("model", "level", "pause_s"),
    [
        (V1, "MEDIUM", 1.75),
        (V2, "HIGH", 0.7),
        (V2, "MEDIUM", 0.9),
        (V2, "LOW", 1.2),
        (V25, "HIGH", 0.5),
        (V25, "MEDIUM", 0.7),
        (V25, "LOW", 1.0),
    ],
)
def test_turn_ends_after_silence_of_its_family_and_sensitivity(
    model: str, level: str, pause_s: float
) -> None:
    world = World(model)
    start = session_start() if model == V1 else sensitivity(level)
    world.send(start, *opening()[1:])
    world.speak(0.5)
    world.be_silent(pause_s - 0.1)
    assert world.take_sent() == []
    world.be_silent(0.2)
    assert "USER FINAL" in world.take_sent()


def test_turn_silence_option_overrides_family_and_sensitivity() -> None:
    world = World(turn_silence_ms=300)
    world.send(sensitivity("LOW"), *opening()[1:])
    world.speak(0.5)
    world.be_silent(0.2)
    assert world.take_sent() == []
    world.be_silent(0.2)
    assert "USER FINAL" in world.take_sent()


def test_the_completion_starts_once_and_ends_behind_everything() -> None:
    world = open_world()
    for number in (1, 2):
        world.send(*typed(f"t{number}", "hola"))
        world.pass_time(10)
    world.send(*closing())
    events = world.take_sent()
    assert events.count("completionStart") == 1
    assert events[-1] == "completionEnd"
    assert world.session.ended
    assert world.session.failure is None


def test_coded_words_are_a_turn_with_blanks_between_them() -> None:
    world = open_world(coded=True)
    world.send_speech(silence(500) + encode_turn(17, 18, pause_ms=800))
    assert world.take_sent() == []
    world.send_speech(silence(100))
    world.pass_time(10)
    assert world.take_sent() == [
        "completionStart",
        *user("17 18"),
        *planned("Escuché 2."),
        *final("Escuché 2."),
    ]
    assert world.dialogue.told == ["words 17 18"]


def test_words_are_whole_when_the_microphone_closes_right_behind_them() -> None:
    world = open_world(coded=True)
    world.send_speech(encode_number(17))
    world.send(content_end())
    assert world.take_sent()[:4] == ["completionStart", *user("17")]


def test_a_session_that_said_nothing_ends_without_a_word() -> None:
    world = open_world()
    world.send(*closing())
    assert world.take_sent() == []
    assert world.session.ended


@pytest.mark.parametrize("goodbye", [[], [content_end()], [content_end(), prompt_end()]])
def test_a_client_that_just_stops_sending_gets_its_end(goodbye: list[Event]) -> None:
    world = open_world()
    world.send(*typed("t1", "hola"), *goodbye)
    world.session.receive_eof()
    world.run_jobs()
    assert world.take_sent()[-2:] == ["end AUDIO END_TURN", "completionEnd"]
    assert world.session.ended


def test_final_texts_come_when_played_and_audio_sooner() -> None:
    world = open_world(hola=TWO)
    world.send(*typed("t1", "hola"))
    world.pass_time(10)
    started_s = 100.0
    ends = [
        moment - started_s
        for (name, fields), moment in zip(world.sent, world.moments, strict=True)
        if name == "contentEnd" and fields["type"] == "AUDIO"
    ]
    finals = [
        moment - started_s
        for (name, fields), moment in zip(world.sent, world.moments, strict=True)
        if name == "textOutput" and fields["role"] == "ASSISTANT"
    ][2:]
    assert ends == pytest.approx([SENTENCE_S / SPEED_UP, 2 * SENTENCE_S / SPEED_UP], abs=0.05)
    assert finals == pytest.approx([SENTENCE_S, 2 * SENTENCE_S], abs=0.001)


def test_the_audio_is_sent_whole_in_chunks() -> None:
    world = open_world()
    world.send(*typed("t1", "hola"))
    world.pass_time(10)
    chunks = [base64.b64decode(fields["content"]) for fields in world.fields("audioOutput")]
    assert {len(chunk) for chunk in chunks[:-1]} == {2 * CHUNK_SAMPLES}
    assert sum(map(len, chunks)) == 2 * 24000 * SENTENCE_S


def test_a_tool_is_asked_for_and_its_result_answered() -> None:
    world = open_world(pedido=CALL)
    world.send(*typed("t1", "pedido"))
    world.pass_time(10)
    (use,) = world.fields("toolUse")
    assert world.take_sent() == [
        "completionStart",
        *user("pedido"),
        *planned("Un momento.", "PARTIAL_TURN"),
        "start TOOL",
        'consultarOrder {"orderId":"1","nombre":"Pérez"}',
        "end TOOL TOOL_USE",
        *final("Un momento.", "PARTIAL_TURN"),
    ]
    world.send(*answer("r1", use["toolUseId"], '{"status": "en camino"}'))
    world.pass_time(10)
    assert world.take_sent() == [
        *planned("El pedido está en camino."),
        *final("El pedido está en camino."),
    ]
    assert world.dialogue.told == ["pedido", 'consultarOrder: {"status": "en camino"}']


def test_dialogue_is_opened_with_tools_and_system_prompt() -> None:
    setup = open_world().dialogue.setup
    assert tuple(tool.name for tool in setup.tools) == TOOLS
    assert setup.system_prompt == "Sos un asistente."


def test_while_a_tool_runs_the_customer_is_listened_to_and_answered() -> None:
    world = open_world(pedido=SILENT_CALL)
    world.send(*typed("t1", "pedido"))
    (use,) = world.fields("toolUse")
    world.take_sent()
    world.speak()
    world.be_silent(2)
    world.pass_time(5)
    assert world.take_sent() == [*user("hola"), *planned("Dijiste hola."), *final("Dijiste hola.")]
    world.send(*answer("r1", use["toolUseId"], '{"status": "listo"}'))
    world.pass_time(5)
    assert world.take_sent() == [*planned("El pedido está listo."), *final("El pedido está listo.")]


def test_the_first_model_waits_for_the_tool_before_it_answers_anything() -> None:
    world = open_world(V1, hola=SILENT_CALL)
    world.speak()
    world.be_silent(2)
    (use,) = world.fields("toolUse")
    world.take_sent()
    world.speak()
    world.be_silent(2)
    world.pass_time(5)
    assert world.take_sent() == user("basta")
    world.send(*answer("r1", use["toolUseId"], '{"status": "listo"}'))
    world.pass_time(10)
    events = world.take_sent()
    assert "«Dijiste basta.»" in events
    assert "«El pedido está listo.»" in events


def test_the_first_model_does_not_answer_text() -> None:
    world = open_world(V1)
    world.send(*typed("t1", "hola"))
    world.pass_time(5)
    assert world.take_sent() == []


def test_two_tools_are_requested_separately_and_answered_in_any_order() -> None:
    calls = tuple(ToolCall(name=name, arguments={}) for name in TOOLS)
    world = open_world(ambos=Reply(tool_calls=calls))
    world.send(*typed("t1", "ambos"))
    first, second = world.fields("toolUse")
    assert world.take_sent()[-6:] == [
        *["start TOOL", "consultarOrder {}", "end TOOL TOOL_USE"],
        *["start TOOL", "cancelarOrder {}", "end TOOL TOOL_USE"],
    ]
    for use in (second, first):
        world.send(*answer(use["toolUseId"], use["toolUseId"], '{"status": "listo"}'))
    assert [told.partition(":")[0] for told in world.dialogue.told[1:]] == list(reversed(TOOLS))


def test_a_result_for_an_unknown_tool_use_ends_the_session() -> None:
    world = open_world()
    with pytest.raises(RefusedError):
        world.send(*answer("r1", "id-999"))
    assert world.session.failure == INVALID_INPUT


def test_history_is_not_answered() -> None:
    world = World()
    start, prompt, *system_and_audio = opening()
    *system, microphone = system_and_audio
    past = [*text("a", interactive=True), *text("b", role="ASSISTANT", interactive=True)]
    world.send(start, prompt, *system, *past, microphone)
    world.pass_time(5)
    assert world.take_sent() == []


def test_history_is_handed_to_the_mind_whole_before_anything_is_said_to_it() -> None:
    world = World()
    start, prompt, *system, microphone = opening()
    on_tool_use = [
        text_start("a"),
        text_input("a", "Quiero "),
        text_input("a", "un turno."),
        content_end("a"),
    ]
    past = [*on_tool_use, *text("b", "¿Con quién?", role="ASSISTANT"), *text("c", "Con Gómez.")]
    world.send(start, prompt, *system, *past)
    assert world.dialogue.told == []
    world.send(microphone, *typed("t1", "hola"))
    assert world.dialogue.told == [
        "USER: Quiero un turno. / ASSISTANT: ¿Con quién? / USER: Con Gómez.",
        "hola",
    ]


def test_a_microphone_closed_in_the_middle_of_a_word_still_counts() -> None:
    world = open_world()
    world.speak()
    world.send(content_end())
    assert world.take_sent()[:3] == ["completionStart", "USER FINAL", "«hola»"]


@pytest.mark.parametrize("rate_hz", [8000, 16000])
def test_the_microphone_may_have_another_rate(rate_hz: int) -> None:
    world = World()
    events = opening()
    events[-1]["contentStart"]["audioInputConfiguration"]["sampleRateHertz"] = rate_hz
    world.send(*events)
    for _ in range(20):
        world.send(audio_input(LOUD * (32 * rate_hz // 1000)))
    world.send(content_end())
    assert "USER FINAL" in world.take_sent()


def test_usage_adds_up() -> None:
    world = open_world(hola=TWO)
    world.speak()
    world.be_silent(2)
    world.pass_time(10)
    usages = world.fields("usageEvent")
    for side, kind in itertools.product(("input", "output"), ("speechTokens", "textTokens")):
        deltas = [usage["details"]["delta"][side][kind] for usage in usages]
        assert sum(deltas) == usages[-1]["details"]["total"][side][kind] > 0
    last = usages[-1]
    assert last["totalTokens"] == last["totalInputTokens"] + last["totalOutputTokens"]


def test_silence_costs_nothing() -> None:
    world = open_world()
    world.be_silent(10)
    assert world.fields("usageEvent") == []


class TestDeadlines:
    """Both limits, on both sides."""

    def test_a_session_lives_for_eight_minutes_and_not_longer(self) -> None:
        world = open_world()
        while world.now_s < 100 + 8 * 60 - 30:
            world.send(audio_input())
            world.pass_time(30)
        world.send(audio_input())
        world.pass_time(29.9)
        assert not world.session.ended
        world.pass_time(0.1)
        assert world.session.failure == TOO_LONG

    @pytest.mark.parametrize("kept_alive_by", [[audio_input()], typed("t", "hola")])
    def test_it_waits_for_input_for_55_seconds_and_not_longer(
        self, kept_alive_by: list[Event]
    ) -> None:
        world = open_world()
        world.pass_time(54.9)
        world.send(*kept_alive_by)
        world.pass_time(54.9)
        assert not world.session.ended
        world.pass_time(0.2)
        assert world.session.failure == IDLE

    @pytest.mark.parametrize("other", [[audio_input(b"")], [content_end()]])
    def test_what_is_neither_audio_nor_interactive_text_does_not_count(
        self, other: list[Event]
    ) -> None:
        world = open_world()
        world.pass_time(50)
        world.send(*other)
        world.pass_time(5.1)
        assert world.session.failure == IDLE


def test_after_the_end_of_the_prompt_nothing_is_said() -> None:
    world = open_world(hola=TWO)
    world.send(*typed("t1", "hola"), content_end(), prompt_end())
    assert world.take_sent()[-2:] == ["end AUDIO END_TURN", "completionEnd"]
    world.pass_time(10)
    world.send(session_end())
    assert world.take_sent() == []
    assert world.session.ended


def test_every_event_carries_the_ids_it_must() -> None:
    world = open_world(pedido=CALL)
    world.send(*typed("t1", "pedido"))
    world.pass_time(10)
    for name, fields in world.sent:
        assert {"sessionId", "promptName", "completionId"} <= fields.keys()
        if name not in ("completionStart", "usageEvent"):
            assert fields["contentId"].startswith("id-")
    assert len({fields["completionId"] for _, fields in world.sent}) == 1


def test_blocks_never_interleave() -> None:
    world = open_world(hola=TWO, pedido=CALL)
    for number, said in enumerate(["hola", "pedido", "hola"]):
        world.send(*typed(f"t{number}", said))
        world.pass_time(0.3 * number)
    world.pass_time(20)
    open_block = None
    for name, fields in world.sent:
        if name == "contentStart":
            assert open_block is None
            open_block = fields["contentId"]
        elif "contentId" in fields:
            assert fields["contentId"] == open_block
            open_block = None if name == "contentEnd" else open_block
