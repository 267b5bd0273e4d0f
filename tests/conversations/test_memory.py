"""A memory as bytes: the same again, and never too long."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.domain import RestoreData, Speaker, Utterance
from conversations.restore_data import MAX_PACKED_BYTES, pack, unpack
from tests.conversations.calls import at, user

pytestmark = pytest.mark.pure

WORDS = st.builds(
    Utterance,
    turn=st.integers(0, 99_999),
    segment=st.integers(0, 999),
    speaker=st.sampled_from(Speaker),
    text=st.text(min_size=1),
    at=st.integers(0, 10**6).map(lambda ms: at(ms / 1000)),
    interrupted=st.booleans(),
)
MEMORIES = st.builds(
    RestoreData,
    words=st.lists(WORDS).map(tuple),
    state=st.dictionaries(st.sampled_from(["wanted", "rate"]), st.integers(0, 2**32)),
)


@given(MEMORIES)
def test_what_is_packed_comes_back(memory: RestoreData) -> None:
    assert unpack(pack(memory)) == memory


def noise(seed: int, length: int) -> str:
    """Return text that doesn't get shorter by compressing."""
    return "".join(random.Random(seed).choices("0123456789abcdefghijklmnopqrstuvwxyz", k=length))


def test_the_oldest_words_are_forgotten_first_and_the_state_stays() -> None:
    words = tuple(user(noise(n, 1000), turn=n) for n in range(100))
    packed = pack(RestoreData(words=words, state={"wanted": 7}))

    assert len(packed) <= MAX_PACKED_BYTES
    remembered = unpack(packed)
    assert remembered.state == {"wanted": 7}
    assert 20 < len(remembered.words) < 100
    assert remembered.words == words[-len(remembered.words) :]


def test_one_thing_that_is_too_long_by_itself_is_forgotten() -> None:
    assert unpack(pack(RestoreData(words=[user(noise(1, 100_000))]))) == RestoreData()
