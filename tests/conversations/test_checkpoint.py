"""Checkpoints as bytes: nothing is lost, and the size has a limit."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.checkpoint import MAX_SERIALIZED_BYTES, deserialize, serialize
from conversations.domain import CallCheckpoint, Speaker, Utterance
from tests.conversations.stored_calls import at, user

pytestmark = pytest.mark.pure

UTTERANCES = st.builds(
    Utterance,
    turn=st.integers(0, 99_999),
    segment=st.integers(0, 999),
    speaker=st.sampled_from(Speaker),
    text=st.text(min_size=1),
    at=st.integers(0, 10**6).map(lambda ms: at(ms / 1000)),
    interrupted=st.booleans(),
)
CHECKPOINTS = st.builds(
    CallCheckpoint,
    utterances=st.lists(UTTERANCES).map(tuple),
    state=st.dictionaries(st.sampled_from(["wanted", "rate"]), st.integers(0, 2**32)),
)


@given(CHECKPOINTS)
def test_checkpoint_survives_serialization(checkpoint: CallCheckpoint) -> None:
    assert deserialize(serialize(checkpoint)) == checkpoint


def random_text(seed: int, length: int) -> str:
    """Return text that compression makes no shorter."""
    return "".join(random.Random(seed).choices("0123456789abcdefghijklmnopqrstuvwxyz", k=length))


def test_long_checkpoint_loses_its_oldest_utterances_only() -> None:
    utterances = tuple(user(random_text(n, 1000), turn=n) for n in range(100))
    serialized = serialize(CallCheckpoint(utterances=utterances, state={"wanted": 7}))

    assert len(serialized) <= MAX_SERIALIZED_BYTES
    restored = deserialize(serialized)
    assert restored.state == {"wanted": 7}
    assert 20 < len(restored.utterances) < 100
    assert restored.utterances == utterances[-len(restored.utterances) :]


def test_utterance_that_does_not_fit_alone_is_left_out() -> None:
    assert (
        deserialize(serialize(CallCheckpoint(utterances=[user(random_text(1, 100_000))])))
        == CallCheckpoint()
    )
