"""The customer's audio on its way to the service: what waits, what is remembered, what comes again."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.calls.inbound_audio import InboundAudio

pytestmark = pytest.mark.pure

RATE_HZ = 1_000


def microphone(*, waiting: int = 8, remembered: int = 4) -> InboundAudio:
    """Return one that holds so many samples."""
    return InboundAudio(RATE_HZ, max_waiting_s=waiting / RATE_HZ, remembered_s=remembered / RATE_HZ)


def put(queue: InboundAudio, count: int, *, samples: int = 2) -> None:
    for _ in range(count):
        number = queue.position // samples % 256
        queue.put(bytes([number]) * 2 * samples, arrived=float(number))


def positions(queue: InboundAudio) -> list[int]:
    """Take all there is; return where each chunk begins."""
    found = []
    while (chunk := queue.take()) is not None:
        found.append(chunk.position)
    return found


class TestQueue:
    def test_what_is_forgotten_is_neither_taken_nor_taken_again(self) -> None:
        queue = microphone()
        put(queue, 2)
        queue.take()
        queue.forget()
        queue.rewind(0)
        assert positions(queue) == []
        assert queue.position == 4

    def test_chunks_leave_as_they_came_with_their_instant(self) -> None:
        queue = microphone()
        put(queue, 2)
        first = queue.take()
        assert first is not None
        assert (first.pcm, first.position, first.end, first.arrived) == (b"\0\0\0\0", 0, 2, 0.0)
        assert positions(queue) == [2]
        assert queue.take() is None

    def test_a_chunk_is_returned_as_it_waits(self) -> None:
        queue = microphone()
        put(queue, 1)
        chunk = queue.put(b"abcd", arrived=7.5)
        assert (chunk.position, chunk.end, queue.position) == (2, 4, 4)

    def test_at_its_bound_nothing_is_dropped(self) -> None:
        queue = microphone(waiting=8)
        put(queue, 4)
        assert queue.dropped_samples == 0
        assert positions(queue) == [0, 2, 4, 6]

    def test_past_its_bound_the_oldest_chunk_is_dropped_and_counted(self) -> None:
        queue = microphone(waiting=8)
        put(queue, 5)
        assert queue.dropped_samples == 2
        assert positions(queue) == [2, 4, 6, 8]

    def test_a_chunk_larger_than_the_bound_still_passes(self) -> None:
        queue = microphone(waiting=1)
        put(queue, 1, samples=5)
        assert positions(queue) == [0]


class TestMemory:
    def test_what_was_taken_can_be_taken_again_sample_for_sample(self) -> None:
        queue = microphone()
        put(queue, 2)
        before = [queue.take(), queue.take()]
        queue.rewind(0)
        assert [queue.take(), queue.take()] == before

    def test_it_comes_again_before_what_waits(self) -> None:
        queue = microphone()
        put(queue, 2)
        queue.take()
        queue.rewind(0)
        assert positions(queue) == [0, 2]

    def test_a_position_within_a_chunk_brings_the_whole_chunk(self) -> None:
        queue = microphone()
        put(queue, 3)
        positions(queue)
        queue.rewind(3)
        assert positions(queue) == [2, 4]

    @pytest.mark.parametrize(("position", "again"), [(3, [2]), (4, []), (99, [])])
    def test_only_what_reaches_past_the_position_comes_again(
        self, position: int, again: list[int]
    ) -> None:
        queue = microphone()
        put(queue, 2)
        positions(queue)
        queue.rewind(position)
        assert positions(queue) == again

    def test_so_much_is_remembered_and_no_more(self) -> None:
        queue = microphone(waiting=100, remembered=4)
        put(queue, 6)
        positions(queue)
        queue.rewind(0)
        assert positions(queue) == [6, 8, 10]

    def test_old_and_new_audio_share_one_bound(self) -> None:
        queue = microphone(waiting=8, remembered=8)
        put(queue, 4)
        positions(queue)
        queue.rewind(0)
        put(queue, 2)
        assert queue.dropped_samples == 4
        assert positions(queue) == [4, 6, 8, 10]


@given(
    st.lists(st.sampled_from(["put", "take", "rewind"]), max_size=60),
    st.lists(st.integers(0, 60), min_size=60, max_size=60),
)
def test_a_session_hears_on_without_a_gap_from_where_it_was_rewound(
    acts: Sequence[str], places: Sequence[int]
) -> None:
    queue, at = microphone(waiting=1_000, remembered=1_000), 0
    for act, place in zip(acts, places, strict=False):
        match act:
            case "put":
                put(queue, 1)
            case "take":
                if (chunk := queue.take()) is not None:
                    assert chunk.position == at
                    at = chunk.end
            case "rewind" if place < at:
                queue.rewind(place)
                at = place - place % 2
    for position in positions(queue):
        assert position == at
        at += 2
    assert at == queue.position
    assert queue.dropped_samples == 0
