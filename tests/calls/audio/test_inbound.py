"""The customer's audio on its way to the service: what waits, what is remembered, what is sent again."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.calls.audio.inbound import InboundAudio

pytestmark = pytest.mark.pure

RATE_HZ = 1_000


def inbound(*, waiting: int = 8, remembered: int = 4) -> InboundAudio:
    """Return a queue of so many samples."""
    return InboundAudio(RATE_HZ, max_waiting_s=waiting / RATE_HZ, remembered_s=remembered / RATE_HZ)


def append(queue: InboundAudio, count: int, *, samples: int = 2) -> None:
    """Append chunks; each contains the position of its first sample."""
    for _ in range(count):
        queue.append(bytes([queue.position % 256]) * 2 * samples, arrived=float(queue.position))


def send(queue: InboundAudio, count: int = 1_000) -> list[int]:
    """Send at most `count` chunks; return where each begins."""
    sent: list[int] = []

    def send_audio(chunk: bytes) -> bool:
        if len(sent) == count:
            return False
        sent.append(chunk[0])
        return True

    queue.send(send_audio, now=100.0)
    return sent


class TestQueue:
    def test_chunks_are_sent_in_order(self) -> None:
        queue = inbound()
        append(queue, 3)
        assert (queue.position, queue.waiting_samples) == (6, 6)
        assert send(queue) == [0, 2, 4]
        assert (send(queue), queue.waiting_samples) == ([], 0)

    def test_chunk_that_is_refused_is_sent_later(self) -> None:
        queue = inbound()
        append(queue, 3)
        assert send(queue, 1) == [0]
        assert send(queue) == [2, 4]

    def test_wait_of_the_newest_sent_chunk_is_known(self) -> None:
        queue = inbound()
        append(queue, 3)
        send(queue, 2)
        assert queue.waited_s == 98.0

    def test_queue_at_its_bound_drops_nothing(self) -> None:
        queue = inbound(waiting=8)
        append(queue, 4)
        assert queue.take_dropped() == 0
        assert send(queue) == [0, 2, 4, 6]

    def test_queue_past_its_bound_drops_the_oldest_chunk(self) -> None:
        queue = inbound(waiting=8)
        append(queue, 5)
        assert (queue.take_dropped(), queue.take_dropped()) == (2, 0)
        assert send(queue) == [2, 4, 6, 8]

    def test_chunk_larger_than_the_bound_is_sent(self) -> None:
        queue = inbound(waiting=1)
        append(queue, 1, samples=5)
        assert send(queue) == [0]

    def test_cleared_audio_is_not_sent(self) -> None:
        queue = inbound()
        append(queue, 2)
        send(queue, 1)
        queue.clear()
        queue.rewind(0)
        assert (send(queue), queue.position, queue.waiting_samples) == ([], 4, 0)


class TestRewind:
    def test_rewound_audio_is_sent_before_what_waits(self) -> None:
        queue = inbound()
        append(queue, 2)
        send(queue, 1)
        queue.rewind(0)
        assert queue.waiting_samples == 4
        assert send(queue) == [0, 2]

    def test_position_within_a_chunk_rewinds_the_whole_chunk(self) -> None:
        queue = inbound()
        append(queue, 3)
        send(queue)
        queue.rewind(3)
        assert send(queue) == [2, 4]

    @pytest.mark.parametrize(("position", "again"), [(3, [2]), (4, []), (99, [])])
    def test_chunks_that_end_before_the_position_are_not_sent_again(
        self, position: int, again: list[int]
    ) -> None:
        queue = inbound()
        append(queue, 2)
        send(queue)
        queue.rewind(position)
        assert send(queue) == again

    def test_memory_is_bounded(self) -> None:
        queue = inbound(waiting=100, remembered=4)
        append(queue, 6)
        send(queue)
        queue.rewind(0)
        assert send(queue) == [6, 8, 10]

    def test_rewound_and_new_audio_share_one_bound(self) -> None:
        queue = inbound(waiting=8, remembered=8)
        append(queue, 4)
        send(queue)
        queue.rewind(0)
        append(queue, 2)
        assert queue.take_dropped() == 4
        assert send(queue) == [4, 6, 8, 10]


@given(
    st.lists(st.sampled_from(["append", "send", "rewind"]), max_size=60),
    st.lists(st.integers(0, 60), min_size=60, max_size=60),
)
def test_audio_sent_has_no_gap_wherever_it_is_rewound(
    steps: Sequence[str], positions: Sequence[int]
) -> None:
    queue, at = inbound(waiting=1_000, remembered=1_000), 0
    for step, position in zip(steps, positions, strict=False):
        match step:
            case "append":
                append(queue, 1)
            case "send":
                for begin in send(queue, 1):
                    assert begin == at
                    at += 2
            case "rewind" if position < at:
                queue.rewind(position)
                at = position - position % 2
    for begin in send(queue):
        assert begin == at
        at += 2
    assert at == queue.position
    assert queue.take_dropped() == 0


def test_forgotten_audio_does_not_wait_again() -> None:
    queue = inbound(remembered=8)
    append(queue, 4)
    send(queue)
    queue.forget(3)  # within the second chunk, which is remembered as a whole
    assert queue.remembered_samples == 6
    queue.rewind(0)
    assert send(queue) == [2, 4, 6]


def test_audio_that_waits_is_not_forgotten() -> None:
    queue = inbound()
    append(queue, 2)
    send(queue, 1)
    queue.forget(queue.position)
    assert queue.remembered_samples == 0
    assert send(queue) == [2]
