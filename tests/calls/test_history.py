"""What a new session is told of the conversation so far."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.calls.history import Message, shaped
from voice.sonic.events import Role
from voice.sonic.families import FIRST, SECOND, HistoryLimits

pytestmark = pytest.mark.pure

ROOMY = HistoryLimits(total_bytes=1_000)


def user(text: str) -> Message:
    return Message(Role.USER, text)


def assistant(text: str) -> Message:
    return Message(Role.ASSISTANT, text)


class TestTurns:
    def test_a_talk_in_turns_passes_as_it_is(self) -> None:
        talk = (user("Hola"), assistant("¡Hola!"), user("Chau"))
        assert shaped(talk, ROOMY) == talk

    def test_words_of_one_side_in_a_row_are_one_message(self) -> None:
        talk = [user("Quiero"), user("un pedido"), assistant("Sí."), assistant("¿Cuál?")]
        assert shaped(talk, ROOMY) == (user("Quiero un pedido"), assistant("Sí. ¿Cuál?"))

    def test_the_customer_comes_first(self) -> None:
        talk = [assistant("¡Hola!"), user("Hola"), assistant("¿Sí?")]
        assert shaped(talk, ROOMY) == (user("Hola"), assistant("¿Sí?"))

    def test_where_the_customer_said_nothing_there_is_no_history(self) -> None:
        assert shaped([assistant("¡Hola!")], ROOMY) == ()
        assert shaped([], ROOMY) == ()

    def test_what_was_not_said_after_all_is_left_out(self) -> None:
        talk = [user("Hola"), assistant(""), user("¿Hola?")]
        assert shaped(talk, ROOMY) == (user("Hola ¿Hola?"),)


class TestLimits:
    def test_all_that_fits_and_no_more(self) -> None:
        talk = [user("a" * 4), assistant("b" * 4), user("c" * 4)]
        assert shaped(talk, HistoryLimits(total_bytes=12)) == tuple(talk)
        assert shaped(talk, HistoryLimits(total_bytes=11)) == (user("cccc"),)

    def test_the_beginning_goes(self) -> None:
        talk = [user("1"), assistant("2"), user("3"), assistant("4")]
        assert shaped(talk, HistoryLimits(total_bytes=2)) == (user("3"), assistant("4"))

    def test_bytes_count_and_not_characters(self) -> None:
        talk = [user("ññññ")]
        assert shaped(talk, HistoryLimits(total_bytes=8)) == (user("ññññ"),)
        assert shaped(talk, HistoryLimits(total_bytes=7)) == (user("ñññ"),)

    def test_a_message_that_is_too_long_keeps_its_end(self) -> None:
        limits = HistoryLimits(total_bytes=100, message_bytes=5)
        assert shaped([user("12345")], limits) == (user("12345"),)
        assert shaped([user("123456")], limits) == (user("23456"),)
        assert shaped([user("12ñ56ñ")], limits) == (user("56ñ"),)

    def test_so_many_messages_and_no_more(self) -> None:
        limits = HistoryLimits(total_bytes=100, messages=2)
        talk = [user("1"), assistant("2"), user("3"), assistant("4")]
        assert shaped(talk[:2], limits) == tuple(talk[:2])
        assert shaped(talk, limits) == tuple(talk[2:])
        assert shaped(talk[:3], limits) == (user("3"),)

    def test_the_first_model_takes_less(self) -> None:
        long = [message for n in range(50) for message in (user(f"{n:2000}"), assistant("Sí."))]
        first, second = shaped(long, FIRST.history), shaped(long, SECOND.history)
        assert len(first) == 40
        assert max(len(message.text) for message in first) == 1_000
        assert max(len(message.text) for message in second) == 2_000
        assert sum(len(message.text.encode()) for message in second) <= 40_000


MESSAGES = st.lists(
    st.builds(Message, st.sampled_from([Role.USER, Role.ASSISTANT]), st.text(max_size=30)),
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
def test_whatever_was_said_a_session_takes_it(said: list[Message], limits: HistoryLimits) -> None:
    history = shaped(said, limits)
    roles = [message.role for message in history]
    assert roles == [Role.USER, Role.ASSISTANT] * (len(roles) // 2) + [Role.USER] * (len(roles) % 2)
    sizes = [len(message.text.encode()) for message in history]
    assert sum(sizes) <= limits.total_bytes
    assert max(sizes, default=0) <= (limits.message_bytes or limits.total_bytes)
    assert len(history) <= (limits.messages or len(history))
    assert all(message.text for message in history)


@given(MESSAGES, LIMITS)
def test_it_is_the_end_of_what_was_said(said: list[Message], limits: HistoryLimits) -> None:
    history = shaped(said, limits)
    whole = " ".join(message.text for message in said if message.text)
    if limits.message_bytes is None and history:
        told = " ".join(message.text for message in history)
        last = [message for message in said if message.text][-1]
        assert whole.endswith(told) or last.text.endswith(history[-1].text)
