"""Each session tells its total so far: the call's is their sum, whatever becomes of them."""

import gc

import pytest

from voice.calls.usage import TokenUsage
from voice.sonic.events import UsageReport

pytestmark = pytest.mark.pure


class Session:
    """All that counts of one here: which it is."""


def report(speech_in: int, text_in: int = 0, speech_out: int = 0, text_out: int = 0) -> UsageReport:
    return UsageReport(
        input_speech_tokens=speech_in,
        input_text_tokens=text_in,
        output_speech_tokens=speech_out,
        output_text_tokens=text_out,
    )


def test_a_session_that_tells_again_counts_once() -> None:
    usage, session = TokenUsage(), Session()
    usage.note(session, report(10, 1, 20, 2))
    usage.note(session, report(15, 1, 30, 2))
    assert list(usage.tokens.values()) == [15, 1, 30, 2]


def test_each_session_counts_its_own() -> None:
    usage, first, second = TokenUsage(), Session(), Session()
    usage.note(first, report(10, 1, 20, 2))
    usage.note(second, report(1, 1, 1, 1))
    usage.note(first, report(11, 1, 20, 2))
    assert list(usage.tokens.values()) == [12, 2, 21, 3]


def test_what_a_session_used_that_is_gone_stays_counted() -> None:
    usage = TokenUsage()
    for _ in range(5):
        usage.note(Session(), report(10))
        gc.collect()
    assert usage.tokens["input_speech_tokens"] == 50
