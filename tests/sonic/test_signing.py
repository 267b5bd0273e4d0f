"""The chain of signatures is AWS's: the published vector, and the SDK's own frames byte for byte."""

from datetime import UTC, datetime
from typing import Any

import pytest
from aws_sdk_signers import AsyncEventSigner
from hypothesis import given
from hypothesis import strategies as st
from smithy_aws_core.identity import AWSCredentialsIdentity
from smithy_aws_event_stream.events import EventHeaderEncoder, EventMessage

from tests.sonic import frames
from tests.sonic.test_frames import DATE_MS, INNER, SECRET
from voice.sonic.channel import run_at_once
from voice.sonic.event_stream import encode_chunk
from voice.sonic.signing import SignatureChain

pytestmark = pytest.mark.pure

IDENTITY = AWSCredentialsIdentity(access_key_id="AKIDEXAMPLE", secret_access_key=SECRET)
PROPERTIES: Any = {"region": "us-east-1", "service": "bedrock"}


def chain(seed: str = "0" * 64) -> SignatureChain:
    return SignatureChain(secret_key=SECRET, region="us-east-1", service="bedrock", seed=seed)


def test_signatures_match_published_vector() -> None:
    ours = chain()
    assert ours.sign(INNER, date_ms=DATE_MS).hex() == (
        "2a89536ccf70723107fd939195d3743ff5746bf4e607412f071ea35ede9edf6f"
    )
    assert ours.sign(b"", date_ms=DATE_MS).hex() == (
        "1a0b4890f9ed4806748799f007b6eaeda415fd4411c36277b4bc6f97bc8fa932"
    )


@given(st.lists(st.binary(min_size=1, max_size=3_000), min_size=1, max_size=5))
def test_signed_frames_equal_sdk_frames(payloads: list[bytes]) -> None:
    seed = "5" * 64
    sdk = AsyncEventSigner(initial_signature=seed.encode(), event_encoder_cls=EventHeaderEncoder)
    ours = chain(seed)
    for payload in payloads:
        body = frames.parse_whole(encode_chunk(payload))
        event = EventMessage(headers=body.headers, payload=body.payload)
        signed = run_at_once(sdk.sign(event=event, identity=IDENTITY, properties=PROPERTIES))
        date_ms = frames.parse_whole(signed.encode()).headers[":date"]
        assert ours.sign_frame(encode_chunk(payload), date_ms=date_ms) == signed.encode()


@given(
    st.lists(
        st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2040, 1, 1)),  # noqa: DTZ001 -- Hypothesis wants naive bounds
        max_size=6,
    )
)
def test_chain_signs_across_seconds_and_days(dates: list[datetime]) -> None:
    ours, previous = chain(), "0" * 64
    for date in dates:
        date_ms = int(date.replace(tzinfo=UTC).timestamp() * 1000)
        timestamp = frames.timestamp(date_ms)
        expected = frames.chunk_signature(
            secret=SECRET,
            timestamp=timestamp,
            scope=f"{timestamp[:8]}/us-east-1/bedrock/aws4_request",
            previous=previous,
            date_ms=date_ms,
            payload=b"payload",
        )
        assert ours.sign(b"payload", date_ms=date_ms) == expected
        previous = expected.hex()


def test_chain_signs_further_seconds_of_one_day() -> None:
    whole, split = chain(), chain()
    dates_ms = [DATE_MS, DATE_MS + 1_000, DATE_MS + 2_000]
    signatures = [whole.sign(INNER, date_ms=date_ms) for date_ms in dates_ms]
    assert len(set(signatures)) == len(dates_ms)
    assert [split.sign(INNER, date_ms=date_ms) for date_ms in dates_ms] == signatures
