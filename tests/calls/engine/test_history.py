"""The conversation so far, as a new session takes it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.domain import Speaker, Utterance
from voice.calls.engine.history import shape_history
from voice.sonic.families import FIRST, NOVA_2, HistoryLimits

pytestmark = pytest.mark.pure

ROOMY = HistoryLimits(total_bytes=1_000)


AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


def said(speaker: Speaker, text: str) -> Utterance:
    return Utterance(turn=1, segment=1, speaker=speaker, text=text, at=AT)


def user(text: str) -> Utterance:
    return said(Speaker.USER, text)


def assistant(text: str) -> Utterance:
    return said(Speaker.ASSISTANT, text)


class TestTurns:
    def test_history_in_turns_is_unchanged(self) -> None:
        chat = (user("Hola"), assistant("¡Hola!"), user("Chau"))
        assert shape_history(chat, ROOMY) == chat

    def test_history_joins_consecutive_utterances_of_one_speaker(self) -> None:
        chat = [user("Quiero"), user("un pedido"), assistant("Sí."), assistant("¿Cuál?")]
        assert shape_history(chat, ROOMY) == (user("Quiero un pedido"), assistant("Sí. ¿Cuál?"))

    def test_history_begins_with_the_customer(self) -> None:
        chat = [assistant("¡Hola!"), user("Hola"), assistant("¿Sí?")]
        assert shape_history(chat, ROOMY) == (user("Hola"), assistant("¿Sí?"))

    def test_history_without_the_customer_is_empty(self) -> None:
        assert shape_history([assistant("¡Hola!")], ROOMY) == ()
        assert shape_history([], ROOMY) == ()

    def test_history_leaves_out_empty_utterances(self) -> None:
        chat = [user("Hola"), assistant(""), user("¿Hola?")]
        assert shape_history(chat, ROOMY) == (user("Hola ¿Hola?"),)


class TestLimits:
    def test_history_keeps_what_fits(self) -> None:
        chat = [user("a" * 4), assistant("b" * 4), user("c" * 4)]
        assert shape_history(chat, HistoryLimits(total_bytes=12)) == tuple(chat)
        assert shape_history(chat, HistoryLimits(total_bytes=11)) == (user("cccc"),)

    def test_history_too_long_loses_its_beginning(self) -> None:
        chat = [user("1"), assistant("2"), user("3"), assistant("4")]
        assert shape_history(chat, HistoryLimits(total_bytes=2)) == (user("3"), assistant("4"))

    def test_history_limit_counts_bytes(self) -> None:
        chat = [user("ññññ")]
        assert shape_history(chat, HistoryLimits(total_bytes=8)) == (user("ññññ"),)
        assert shape_history(chat, HistoryLimits(total_bytes=7)) == (user("ñññ"),)

    def test_history_message_too_long_keeps_its_end(self) -> None:
        limits = HistoryLimits(total_bytes=100, message_bytes=5)
        assert shape_history([user("12345")], limits) == (user("12345"),)
        assert shape_history([user("123456")], limits) == (user("23456"),)
        assert shape_history([user("12ñ56ñ")], limits) == (user("56ñ"),)

    def test_history_limits_the_number_of_messages(self) -> None:
        limits = HistoryLimits(total_bytes=100, messages=2)
        chat = [user("1"), assistant("2"), user("3"), assistant("4")]
        assert shape_history(chat[:2], limits) == tuple(chat[:2])
        assert shape_history(chat, limits) == tuple(chat[2:])
        assert shape_history(chat[:3], limits) == (user("3"),)

    def test_history_of_the_first_model_is_shorter(self) -> None:
        long = [message for n in range(150) for message in (user(f"{n:2000}"), assistant("Sí."))]
        first, second = shape_history(long, FIRST.history), shape_history(long, NOVA_2.history)
        assert len(first) == 40
        assert max(len(message.text) for message in first) == 1_000
        assert max(len(message.text) for message in second) == 2_000
        assert sum(len(message.text.encode()) for message in second) <= 200_000


MESSAGES = st.lists(
    st.builds(said, st.sampled_from(Speaker), st.text(max_size=30)),
    max_size=20,
)
# The longest character takes 4 bytes.
LIMITS = st.builds(
    HistoryLimits,
    total_bytes=st.integers(4, 200),
    message_bytes=st.none() | st.integers(4, 40),
    messages=st.none() | st.integers(1, 6),
)


@given(MESSAGES, LIMITS)
def test_history_of_any_conversation_fits_the_limits(
    messages: list[Utterance], limits: HistoryLimits
) -> None:
    history = shape_history(messages, limits)
    speakers = [message.speaker for message in history]
    alternating = [Speaker.USER, Speaker.ASSISTANT] * len(speakers)
    assert speakers == alternating[: len(speakers)]
    sizes = [len(message.text.encode()) for message in history]
    assert sum(sizes) <= limits.total_bytes
    assert max(sizes, default=0) <= (limits.message_bytes or limits.total_bytes)
    assert len(history) <= (limits.messages or len(history))
    assert all(message.text for message in history)


@given(MESSAGES, LIMITS)
def test_history_of_any_conversation_is_its_end(
    messages: list[Utterance], limits: HistoryLimits
) -> None:
    history = shape_history(messages, limits)
    whole = " ".join(message.text for message in messages if message.text)
    if limits.message_bytes is None and history:
        sent = " ".join(message.text for message in history)
        last = [message for message in messages if message.text][-1]
        assert whole.endswith(sent) or last.text.endswith(history[-1].text)
