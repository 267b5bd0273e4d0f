"""The tokens of a call: the sum of what its sessions have reported."""

import pytest

from voice.calls.engine.usage import UsageCounter
from voice.sonic.events import UsageReport

pytestmark = pytest.mark.pure


def report(speech_in: int, text_in: int = 0, speech_out: int = 0, text_out: int = 0) -> UsageReport:
    return UsageReport(
        input_speech_tokens=speech_in,
        input_text_tokens=text_in,
        output_speech_tokens=speech_out,
        output_text_tokens=text_out,
    )


def test_usage_of_a_session_reported_again_counts_once() -> None:
    usage = UsageCounter()
    usage.add(1, report(10, 1, 20, 2))
    usage.add(1, report(15, 1, 30, 2))
    assert list(usage.tokens.values()) == [15, 1, 30, 2]


def test_usage_of_several_sessions_is_their_sum() -> None:
    usage = UsageCounter()
    usage.add(1, report(10, 1, 20, 2))
    usage.add(2, report(1, 1, 1, 1))
    usage.add(1, report(11, 1, 20, 2))
    assert list(usage.tokens.values()) == [12, 2, 21, 3]


def test_usage_returns_what_is_new() -> None:
    usage = UsageCounter()
    usage.add(1, report(10, 1, 20, 2))
    assert list(usage.add(1, report(15, 1, 20, 3)).values()) == [5, 0, 0, 1]


def test_usage_report_that_goes_back_adds_nothing() -> None:
    usage = UsageCounter()
    usage.add(1, report(10))
    usage.add(1, report(5))
    assert usage.tokens["input_speech_tokens"] == 10
