"""What is on its way to the client: order, window, bound, numbers, and what is sent again."""

import pytest

from tests.calls.audio.outbound_queue import (
    ENDED,
    WINDOW,
    enqueue,
    event,
    numbers,
    outbound,
    played,
    resume,
    sent,
    speech,
    taken,
)
from voice.calls.audio.outbound import MAX_RETAINED_MESSAGES, OutboundQueue
from voice.calls.engine import events as e
from voice.wire.messages import Flush, OutboundMessage, ServerMessage, ServiceEvent, SpeechChunk

pytestmark = pytest.mark.pure


class TestOrder:
    def test_messages_are_sent_in_order(self) -> None:
        link = outbound()
        messages: list[ServerMessage] = [
            event(1), speech(0, 10), event(2), speech(10, 10), ENDED,
        ]  # fmt: skip
        enqueue(link, *messages)
        assert sent(link) == messages
        assert link.next() is None

    def test_empty_queue_sends_nothing(self) -> None:
        assert outbound().next() is None

    def test_service_events_are_for_clients_without_numbers(self) -> None:
        source = ServiceEvent(source={"usageEvent": {}})
        counting, earlier = outbound(), outbound(window=None)
        for link in (counting, earlier):
            enqueue(link, source)
        assert (sent(counting), sent(earlier)) == ([], [source])


class TestWindow:
    def test_audio_fills_the_window_and_no_more(self) -> None:
        link = outbound()
        enqueue(link, speech(0, 60), speech(60, 40), speech(100, 1))
        assert sent(link) == [speech(0, 60), speech(60, 40)]
        link.acknowledge(played(position=1))
        assert sent(link) == [speech(100, 1)]

    def test_chunk_beyond_the_window_waits_whole(self) -> None:
        link = outbound()
        enqueue(link, speech(0, 60), speech(60, 41))
        assert sent(link) == [speech(0, 60)]
        link.acknowledge(played(position=1))
        assert sent(link) == [speech(60, 41)]

    def test_chunk_larger_than_the_window_is_sent_alone(self) -> None:
        link = outbound()
        enqueue(link, speech(0, 10), speech(10, WINDOW + 1))
        assert sent(link) == [speech(0, 10)]
        link.acknowledge(played(position=9))
        assert sent(link) == []
        link.acknowledge(played(position=10))
        assert sent(link) == [speech(10, WINDOW + 1)]

    def test_messages_pass_waiting_audio_but_the_end_does_not(self) -> None:
        link = outbound()
        enqueue(link, speech(0, 100), speech(100, 50), event(1), ENDED)
        assert sent(link) == [speech(0, 100), event(1)]
        link.acknowledge(played(position=50))
        assert sent(link) == [speech(100, 50), ENDED]

    def test_audio_never_passes_audio(self) -> None:
        link = outbound()
        enqueue(link, speech(0, 90), speech(90, 50), speech(140, 5, last=True))
        assert sent(link) == [speech(0, 90)]

    def test_client_without_acknowledgements_gets_one_window(self) -> None:
        link = outbound()
        enqueue(link, *(speech(at, 10) for at in range(0, 500, 10)), event(1))
        assert sent(link) == [*(speech(at, 10) for at in range(0, 100, 10)), event(1)]
        assert not link.is_played_out

    def test_audio_never_sent_cannot_have_been_played(self) -> None:
        link = outbound()
        enqueue(link, speech(0, 100), speech(100, 100))
        sent(link)
        link.acknowledge(played(position=2**31))
        assert link.played_to == 100

    def test_playback_position_goes_forward_only(self) -> None:
        link = outbound()
        enqueue(link, speech(0, 100))
        sent(link)
        link.acknowledge(played(position=80))
        link.acknowledge(played(position=20))
        assert link.played_to == 80

    def test_queue_without_numbers_has_no_window(self) -> None:
        link = outbound(window=None)
        enqueue(link, *(speech(at, 100) for at in range(0, 900, 100)), ENDED)
        ones = taken(link)
        assert len(ones) == 10
        assert set(numbers(ones)) == {None}
        assert (link.is_numbered, link.retained_samples, link.is_played_out) == (False, 0, True)


class TestPlayedOut:
    def test_audio_is_played_out_with_its_last_sample(self) -> None:
        link = outbound()
        said = [link.is_played_out]
        enqueue(link, speech(0, 10))
        said.append(link.is_played_out)
        sent(link)
        for position in (9, 10):
            link.acknowledge(played(position=position))
            said.append(link.is_played_out)
        assert said == [True, False, False, True]


class TestFlush:
    def test_flush_drops_audio_before_its_notice_and_nothing_else(self) -> None:
        link = outbound()
        enqueue(link, speech(0, 90), event(1), speech(90, 50), event(2), speech(140, 0, last=True))
        assert sent(link) == [speech(0, 90), event(1), event(2)]
        enqueue(link, event(3))
        link.flush(generation=1)
        assert link.waiting_samples == 0
        enqueue(link, speech(140, 5, generation=1))
        assert sent(link) == [event(3), Flush(generation=1), speech(140, 5, generation=1)]
        assert link.generation == 1

    def test_flush_forgets_sent_audio(self) -> None:
        link = outbound()
        enqueue(link, speech(0, 100))
        sent(link)
        link.flush(generation=1)
        assert link.is_played_out
        assert link.retained_samples == 0
        enqueue(link, speech(100, 100, generation=1), speech(200, 1, generation=1))
        assert sent(link)[1:] == [speech(100, 100, generation=1)]

    def test_flush_allows_no_more_than_a_window(self) -> None:
        link = outbound()
        enqueue(link, *(speech(at, 100) for at in range(0, 900, 100)))
        sent(link)
        link.flush(generation=1)
        enqueue(link, *(speech(at, 100, generation=1) for at in (900, 1000)))
        assert sent(link)[1:] == [speech(900, 100, generation=1)]

    def test_flushed_audio_is_not_sent_again_after_a_resume(self) -> None:
        link = outbound()
        enqueue(link, speech(0, 50), event(1), speech(50, 50))
        sent(link)
        link.flush(generation=1)
        enqueue(link, speech(100, 10, generation=1))
        link.resume(resume(wanted=0))
        again = taken(link)
        assert [one.message for one in again] == [
            event(1),
            Flush(generation=1),
            speech(100, 10, generation=1),
        ]

    def test_flush_is_kept_until_it_is_received(self) -> None:
        link = outbound()
        link.flush(generation=1)
        assert numbers(taken(link)) == [0]
        link.resume(resume(wanted=0))
        assert taken(link) == [OutboundMessage(Flush(generation=1), 0, is_resent=True)]


class TestDrop:
    def test_delivered_message_without_audio_is_no_edge(self) -> None:
        link = outbound()
        link.delivered(ENDED, now=1.0)
        assert link.take_edges() == []

    def test_dropped_audio_leaves_messages(self) -> None:
        link = outbound()
        enqueue(link, speech(0, 100), speech(100, 50), event(1), ENDED)
        assert sent(link) == [speech(0, 100), event(1)]
        link.drop_audio()
        assert (link.waiting_samples, link.retained_samples) == (0, 100)
        assert (link.next_number, link.retained_messages) == (2, 1)
        assert sent(link) == [ENDED]


class TestBound:
    def test_audio_beyond_the_bound_is_dropped_and_counted(self) -> None:
        link = outbound(window=10, bound=30)
        enqueue(
            link,
            speech(0, 15),
            speech(15, 15),
            speech(30, 1),
            event(1),
            speech(31, 0, last=True),
        )
        assert link.waiting_samples == 30
        assert link.take_dropped() == 1
        link.acknowledge(played())
        assert sent(link) == [speech(0, 15), event(1)]

    def test_sent_audio_no_longer_counts_as_waiting(self) -> None:
        link = outbound(bound=30)
        enqueue(link, speech(0, 30))
        sent(link)
        enqueue(link, speech(30, 30))
        assert link.take_dropped() == 0

    def test_messages_kept_are_bounded(self) -> None:
        link = outbound()
        enqueue(link, *(event(number) for number in range(MAX_RETAINED_MESSAGES)))
        sent(link)
        link.resume(resume(wanted=0))
        assert len(sent(link)) == MAX_RETAINED_MESSAGES
        enqueue(link, event(-1))
        sent(link)
        link.resume(resume(wanted=0))
        again = taken(link)
        assert numbers(again) == list(range(1, MAX_RETAINED_MESSAGES + 1))

    def test_messages_kept_behind_audio_are_bounded(self) -> None:
        link = outbound()
        enqueue(link, speech(0, WINDOW))
        enqueue(link, *(event(number) for number in range(MAX_RETAINED_MESSAGES + 3)))
        sent(link)
        link.resume(resume(wanted=0))
        assert numbers(taken(link)) == [0, *range(4, MAX_RETAINED_MESSAGES + 4)]


class TestNumbers:
    def test_frames_are_numbered_as_they_are_sent(self) -> None:
        link = outbound(window=10)
        enqueue(link, speech(0, 10), speech(10, 10), event(1))
        assert [(one.message, one.sequence) for one in taken(link)] == [
            (speech(0, 10), 0),
            (event(1), 1),
        ]
        link.acknowledge(played(sequence=1, position=10))
        assert numbers(taken(link)) == [2]

    def test_restored_queue_continues_where_its_client_is(self) -> None:
        link = OutboundQueue(
            window_samples=WINDOW,
            restored=resume(wanted=7, generation=3, position=500),
            position=700,
        )
        enqueue(link, event(1), speech(700, WINDOW, generation=3), speech(800, 1, generation=3))
        assert numbers(taken(link)) == [7, 8]
        assert (link.played_to, link.generation) == (500, 3)
        assert not link.is_played_out
        link.acknowledge(played(sequence=8, position=701))
        assert numbers(taken(link)) == [9]


class TestArrival:
    def test_messages_are_kept_until_received(self) -> None:
        link = outbound()
        enqueue(link, event(0), event(1), event(2))
        sent(link)
        link.acknowledge(played(sequence=1))
        link.resume(resume(wanted=0))
        assert numbers(taken(link)) == [2]

    def test_audio_is_kept_until_played(self) -> None:
        link = outbound()
        enqueue(link, speech(0, 10), speech(10, 10))
        sent(link)
        link.acknowledge(played(sequence=1, position=9))
        assert link.retained_samples == 20
        link.acknowledge(played(sequence=1, position=10))
        assert link.retained_samples == 10

    def test_audio_played_but_not_received_is_kept(self) -> None:
        link = outbound()
        enqueue(link, speech(0, 10), speech(10, 10))
        sent(link)
        link.acknowledge(played(sequence=0, position=20))
        assert link.retained_samples == 10


class TestResume:
    def test_resume_sends_what_the_client_lacks_first(self) -> None:
        link = outbound()
        enqueue(link, event(0), speech(0, 50), event(2), speech(50, 50))
        sent(link)
        enqueue(link, event(4))
        link.resume(resume(wanted=1))
        again = taken(link)
        assert numbers(again) == [1, 2, 3, 4]
        assert [one.is_resent for one in again] == [True, True, True, False]

    def test_resume_keeps_what_the_client_has(self) -> None:
        link = outbound()
        enqueue(link, event(0), speech(0, 50))
        sent(link)
        link.resume(resume(wanted=2, position=10))
        assert taken(link) == []
        assert link.retained_samples == 50
        link.resume(resume(wanted=0, position=10))
        assert numbers(taken(link)) == [0, 1]

    def test_resume_acknowledges_playback(self) -> None:
        link = outbound()
        enqueue(link, speech(0, WINDOW), speech(WINDOW, 10))
        sent(link)
        link.resume(resume(wanted=1, position=10))
        assert numbers(taken(link)) == [1]
        assert link.played_to == 10

    def test_several_resumes_in_a_row_send_what_is_lacked(self) -> None:
        link = outbound()
        enqueue(link, *(event(number) for number in range(4)))
        sent(link)
        link.resume(resume(wanted=1))
        assert link.next() == OutboundMessage(event(1), 1, is_resent=True)
        link.resume(resume(wanted=1))
        assert link.next() == OutboundMessage(event(1), 1, is_resent=True)
        link.resume(resume(wanted=2))
        assert numbers(taken(link)) == [2, 3]

    def test_resume_after_a_reload_sends_unplayed_audio_only(self) -> None:
        link = outbound()
        enqueue(link, event(0), speech(0, 40), speech(40, 40), event(3))
        sent(link)
        link.acknowledge(played(sequence=3, position=20))
        link.resume(resume(has_lost_state=True, position=40))
        assert taken(link) == [OutboundMessage(speech(40, 40), 2, is_resent=True)]
        link.resume(resume(has_lost_state=True, position=0))
        assert numbers(taken(link)) == [2]

    def test_resume_after_a_reload_does_not_rewind_playback(self) -> None:
        link = outbound()
        enqueue(link, speech(0, 40))
        sent(link)
        link.acknowledge(played(position=30))
        link.resume(resume(has_lost_state=True))
        assert link.played_to == 30
        assert numbers(taken(link)) == [0]

    def test_audio_sent_again_counts_as_waiting(self) -> None:
        link = outbound()
        enqueue(link, speech(0, 40), speech(40, 40))
        sent(link)
        link.resume(resume(wanted=1))
        assert link.waiting_samples == 40
        sent(link)
        assert link.waiting_samples == 0


class TestEdges:
    """What the engine learns."""

    def edges(self, link: OutboundQueue) -> list[e.Event]:
        return link.take_edges()

    def test_first_chunk_begins_the_reply_and_playback(self) -> None:
        link = outbound()
        enqueue(link, speech(0, 10), speech(10, 10))
        assert self.edges(link) == [e.ReplyAudioBegan(), e.PlaybackBegan()]
        assert self.edges(link) == []

    def test_reply_is_sent_with_its_last_chunk_once(self) -> None:
        link = outbound()
        enqueue(link, speech(0, 10), speech(10, 0, last=True))
        self.edges(link)
        messages = sent(link)
        for message in (*messages, *messages):
            link.delivered(message, now=1.0)
        assert self.edges(link) == [
            e.ReplyAudioSent(turn=1, position=0),
            e.ReplySent(turn=1, position=10, is_answer=True),
        ]

    def test_reply_without_audio_has_no_end(self) -> None:
        link = outbound()
        link.end_reply(is_answer=True)
        assert (sent(link), self.edges(link)) == ([], [])

    def test_playback_ends_with_the_last_sample(self) -> None:
        link = outbound()
        enqueue(link, speech(0, 10), speech(10, 10))
        sent(link)
        self.edges(link)
        link.acknowledge(played(sequence=1, position=19))
        assert self.edges(link) == []
        link.acknowledge(played(sequence=1, position=20))
        assert self.edges(link) == [e.PlaybackEnded(played_to=20)]

    def test_playback_begins_again_with_more_audio(self) -> None:
        link = outbound()
        enqueue(link, speech(0, 10))
        sent(link)
        link.acknowledge(played(position=10))
        self.edges(link)
        enqueue(link, speech(10, 10))
        assert self.edges(link) == [e.PlaybackBegan()]

    def test_flush_ends_playback_silently(self) -> None:
        link = outbound()
        enqueue(link, speech(0, 10))
        sent(link)
        self.edges(link)
        link.flush(generation=1)
        link.acknowledge(played(position=10))
        assert self.edges(link) == []

    def test_playback_without_acknowledgements_is_estimated(self) -> None:
        link = outbound(window=None, bound=100_000)
        enqueue(link, speech(0, 24_000))
        self.edges(link)
        for message in sent(link):
            link.delivered(message, now=5.0)
        self.edges(link)
        link.estimate_playback(now=5.9)
        assert self.edges(link) == []
        for _ in range(2):
            link.estimate_playback(now=6.0)
        assert self.edges(link) == [e.PlaybackEnded(played_to=24_000)]


class TestContents:
    def test_audio_of_a_content_that_was_flushed_is_dropped(self) -> None:
        link = outbound()
        enqueue(link, speech(0, 10))
        link.flush(generation=1)
        link.push_audio("a", bytes(20))
        assert (link.position, sent(link)) == (10, [Flush(generation=1)])

    def test_audio_of_a_content_that_is_not_open_is_dropped(self) -> None:
        link = outbound()
        link.push_audio("a", bytes(20))
        assert (link.position, sent(link)) == (0, [])

    def test_first_chunk_of_each_reply_is_marked(self) -> None:
        link = outbound()
        for _ in range(2):
            link.open_reply("a", turn=1, source={})
            link.push_audio("a", bytes(2))
            link.push_audio("a", bytes(2))
            link.end_reply(is_answer=True)
        chunks = [one.message for one in iter(link.next, None)]
        marks = [(c.is_first, c.is_last) for c in chunks if isinstance(c, SpeechChunk)]
        assert marks == [(True, False), (False, False), (False, True)] * 2

    def test_audio_without_numbers_carries_the_names_of_its_event(self) -> None:
        link = outbound(window=None)
        names = {"sessionId": "s", "promptName": "p", "completionId": "c", "contentId": "a"}
        link.open_reply("a", turn=1, source={"contentStart": {**names, "role": "ASSISTANT"}})
        link.push_audio("a", bytes(2))
        (chunk,) = sent(link)
        assert isinstance(chunk, SpeechChunk)
        assert chunk.source == names
