"""A memory as bytes: the same again, and never too long."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.domain import Memory, Speaker, Words
from conversations.memory import MAX_PACKED_BYTES, pack, unpack
from tests.conversations.calls import at, user

pytestmark = pytest.mark.pure

WORDS = st.builds(
    Words,
    turn=st.integers(0, 99_999),
    segment=st.integers(0, 999),
    speaker=st.sampled_from(Speaker),
    text=st.text(min_size=1),
    at=st.integers(0, 10**6).map(lambda ms: at(ms / 1000)),
    interrupted=st.booleans(),
)
MEMORIES = st.builds(
    Memory,
    history=st.lists(st.tuples(st.sampled_from(["USER", "ASSISTANT"]), st.text())).map(tuple),
    words=st.lists(WORDS).map(tuple),
)


@given(MEMORIES)
def test_what_is_packed_comes_back(memory: Memory) -> None:
    assert unpack(pack(memory)) == memory


def noise(seed: int, length: int) -> str:
    """Return text that doesn't get shorter by compressing."""
    return "".join(random.Random(seed).choices("0123456789abcdefghijklmnopqrstuvwxyz", k=length))


def test_the_oldest_captions_are_forgotten_first_and_the_history_stays() -> None:
    history = tuple(("USER", noise(n, 1000)) for n in range(40))
    words = tuple(user(noise(n, 1000), turn=n) for n in range(100))
    packed = pack(Memory(history=history, words=words))

    assert len(packed) <= MAX_PACKED_BYTES
    remembered = unpack(packed)
    assert remembered.history == history
    assert 0 < len(remembered.words) < 100
    assert remembered.words == words[-len(remembered.words) :]


def test_a_history_that_is_too_long_loses_its_beginning() -> None:
    history = tuple(("USER", noise(n, 1000)) for n in range(200))
    packed = pack(Memory(history=history, words=[user("hola")]))

    assert len(packed) <= MAX_PACKED_BYTES
    remembered = unpack(packed)
    assert remembered.words == ()
    assert 20 < len(remembered.history) < 100
    assert remembered.history == history[-len(remembered.history) :]


def test_one_thing_that_is_too_long_by_itself_is_forgotten() -> None:
    assert unpack(pack(Memory(history=[("USER", noise(1, 100_000))]))) == Memory()
