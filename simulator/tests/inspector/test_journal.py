"""Entries of the journal: one for each event, levels in place of audio."""

import array
import base64
import math

import pytest

from nova_sonic_simulator.inspector.journal import MAX_TEXT, Entry, Journal, SessionJournal
from nova_sonic_simulator.inspector.levels import SILENCE_DBFS, LevelMeter, level_dbfs
from support.events import (
    answer,
    audio_input,
    audio_start,
    prompt_start,
    raw,
    text,
)

pytestmark = pytest.mark.pure

STEP = 1600
"""Samples of a step at 16 kHz."""


def tone(samples: int, amplitude: int) -> bytes:
    wave = (round(amplitude * math.sin(n / 3)) for n in range(samples))
    return array.array("h", wave).tobytes()


def open_journal() -> tuple[SessionJournal, list[Entry]]:
    journal = Journal()
    seen: list[Entry] = []
    journal.follow(seen.append)
    return SessionJournal(journal, session="c1-1", now_s=lambda: 2.5), seen


class TestLevels:
    def test_level_of_digital_silence_is_the_lowest(self) -> None:
        assert level_dbfs(bytes(3200)) == SILENCE_DBFS
        assert level_dbfs(b"") == SILENCE_DBFS

    def test_level_of_a_full_tone_is_three_below_full_scale(self) -> None:
        assert level_dbfs(tone(STEP, 32767)) == pytest.approx(-3.0, abs=0.1)

    def test_level_falls_by_20_for_a_tenth(self) -> None:
        loud, soft = level_dbfs(tone(STEP, 20000)), level_dbfs(tone(STEP, 2000))
        assert loud - soft == pytest.approx(20, abs=0.2)

    def test_meter_yields_whole_steps_and_keeps_the_rest(self) -> None:
        meter = LevelMeter(16_000)
        assert meter.feed(bytes(2 * STEP - 2)) == []
        assert meter.feed(bytes(2 + 4 * STEP)) == [SILENCE_DBFS] * 3


class TestEntries:
    def test_entry_has_number_time_session_and_the_event(self) -> None:
        journal, seen = open_journal()
        for event in text("a", "Hola."):
            journal.receive_input(raw(event))
        assert [entry["event"] for entry in seen] == ["contentStart", "textInput", "contentEnd"]
        assert seen[1] == {
            "n": 2,
            "t": 2.5,
            "session": "c1-1",
            "kind": "in",
            "event": "textInput",
            "contentName": "a",
            "content": "Hola.",
        }

    def test_audio_is_a_level_at_the_rate_of_its_block(self) -> None:
        journal, seen = open_journal()
        journal.receive_input(raw(audio_start(rate_hz=8000)))
        journal.receive_input(raw(audio_input(tone(1600, 32767))))
        assert seen[-1]["kind"] == "level_in"
        assert len(seen[-1]["db"]) == 2

    def test_assistant_audio_is_a_level_at_the_rate_of_the_prompt(self) -> None:
        journal, seen = open_journal()
        journal.receive_input(raw(prompt_start(rate_hz=24000)))
        content = base64.b64encode(bytes(4800)).decode()
        journal.receive_output({"event": {"audioOutput": {"content": content}}})
        assert seen[-1] == {**seen[-1], "kind": "level_out", "db": [SILENCE_DBFS]}

    def test_tool_result_names_its_tool_use(self) -> None:
        journal, seen = open_journal()
        for event in answer("r", "use-1", '{"ok": true}'):
            journal.receive_input(raw(event))
        assert seen[0]["toolUseId"] == "use-1"
        assert seen[1]["content"] == '{"ok": true}'

    def test_long_text_is_cut(self) -> None:
        journal, seen = open_journal()
        for event in text("a", "x" * (MAX_TEXT + 1)):
            journal.receive_input(raw(event))
        assert len(seen[1]["content"]) == MAX_TEXT

    @pytest.mark.parametrize(
        "payload", [b"{", b"[]", b'{"event": 1}', b'{"event": {}}', b"[" * 100_000, b"\xff"]
    )
    def test_unreadable_event_is_an_entry_with_its_size(self, payload: bytes) -> None:
        journal, seen = open_journal()
        journal.receive_input(payload)
        assert (seen[0]["event"], seen[0]["bytes"]) == ("?", len(payload))

    @pytest.mark.parametrize("content", ["[object Blob]", 5, None])
    def test_unreadable_audio_is_no_entry(self, content: object) -> None:
        journal, seen = open_journal()
        event = audio_input()
        event["audioInput"]["content"] = content
        journal.receive_input(raw(event))
        assert seen == []

    def test_follower_receives_nothing_after_it_has_unfollowed(self) -> None:
        journal = Journal()
        seen: list[Entry] = []
        unfollow = journal.follow(seen.append)
        journal.add("opened", session="a", now_s=0)
        unfollow()
        journal.add("closed", session="a", now_s=1)
        assert [entry["kind"] for entry in seen] == ["opened"]
        assert [entry["n"] for entry in journal.entries] == [1, 2]
