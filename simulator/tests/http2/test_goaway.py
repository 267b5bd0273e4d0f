"""A friendly GOAWAY never reaches h2, wherever the bytes are split; everything else does."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_sonic_simulator.http2.goaway import LARGEST_GOAWAY_BYTES, GoawayFilter
from support.raw_client import goaway_frame

pytestmark = pytest.mark.pure

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
GOAWAY = 7
FRIENDLY = goaway_frame()


def frame(kind: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes([kind]) + bytes(5) + payload


def passed(data: bytes, cuts: list[int]) -> bytes:
    filtered, edges = GoawayFilter(), [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return b"".join(filtered.feed(data[start:end]) for start, end in pairwise(edges))


OTHERS = st.builds(
    frame, st.integers(0, 20).filter(lambda kind: kind != GOAWAY), st.binary(max_size=60)
)


@given(st.lists(OTHERS | st.just(FRIENDLY), max_size=6), st.lists(st.integers(0, 500), max_size=8))
def test_only_friendly_goaways_are_taken_out(frames: list[bytes], cuts: list[int]) -> None:
    wanted = b"".join(each for each in frames if each != FRIENDLY)
    assert passed(PREFACE + b"".join(frames), cuts) == PREFACE + wanted


@pytest.mark.parametrize(
    "other",
    [
        goaway_frame(error_code=2),
        frame(GOAWAY, b""),
        frame(GOAWAY, bytes(7)),
        frame(GOAWAY, bytes(LARGEST_GOAWAY_BYTES)),
    ],
    ids=["with an error", "empty", "too short", "too long"],
)
def test_a_goaway_that_is_not_friendly_is_left_to_h2(other: bytes) -> None:
    assert passed(PREFACE + other, []) == PREFACE + other


def test_it_remembers_that_the_peer_leaves() -> None:
    filtered = GoawayFilter()
    filtered.feed(PREFACE)
    assert not filtered.peer_is_draining
    filtered.feed(FRIENDLY)
    assert filtered.peer_is_draining
