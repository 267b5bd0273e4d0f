"""How much audio costs in the codec, beside doing the same with `json` and `base64`.

    python -m benchmarks.sonic_codec

Both ways do the same work in the same run: samples to the service's payload, and a payload to
samples *and* the parsed source. Processor time, the best of several rounds; trust the ratio.
"""

import base64
import json
import os
import time
from collections.abc import Callable

from voice.sonic.codec import encode
from voice.sonic.events import AudioInput, AudioOutput
from voice.sonic.protocol import SonicProtocol

ROUNDS, TIMES = 15, 2_000
SPOKEN = os.urandom(1_024)  # 32 ms at 16 kHz
RECEIVED = os.urandom(1_920)  # 40 ms at 24 kHz


EVENT = AudioInput(prompt_name="p" * 36, content_name="c" * 36, pcm=SPOKEN)


def encode_naively() -> bytes:
    """Encode as one would."""
    body = {
        "promptName": EVENT.prompt_name,
        "contentName": EVENT.content_name,
        "content": base64.b64encode(EVENT.pcm).decode(),
    }
    return json.dumps({"event": {"audioInput": body}}).encode()


def encode_ours() -> bytes:
    """Encode as the call does."""
    return encode(EVENT)


def service_payload() -> bytes:
    """Give an audioOutput of the service."""
    body = {
        "sessionId": "s" * 36,
        "promptName": "p" * 36,
        "completionId": "k" * 36,
        "contentId": "c" * 36,
        "content": base64.b64encode(RECEIVED).decode(),
    }
    return json.dumps({"event": {"audioOutput": body}}).encode()


PAYLOAD = service_payload()
PROTOCOL = SonicProtocol()


def decode_naively() -> AudioOutput:
    """Decode as one would."""
    event = json.loads(PAYLOAD)["event"]
    body = event["audioOutput"]
    pcm = base64.b64decode(body["content"])
    return AudioOutput(content_id=body["contentId"], pcm=pcm, source=event)


def decode_ours() -> AudioOutput:
    """Decode as the call does: through the whole protocol."""
    PROTOCOL.receive_payload(PAYLOAD)
    (event,) = PROTOCOL.events_received()
    assert isinstance(event, AudioOutput)
    return event


def microseconds(work: Callable[[], object]) -> float:
    """Time one round."""
    started = time.process_time()
    for _ in range(TIMES):
        work()
    return (time.process_time() - started) / TIMES * 1e6


def compare(what: str, naive: Callable[[], object], ours: Callable[[], object]) -> None:
    """Print both, taken in turns, and their ratio."""
    rounds = [(microseconds(naive), microseconds(ours)) for _ in range(ROUNDS)]
    naive_us, ours_us = (min(column) for column in zip(*rounds, strict=True))
    ratio = naive_us / ours_us
    print(f"{what:<38} naive {naive_us:6.2f} us   ours {ours_us:6.2f} us   {ratio:4.1f} times")


if __name__ == "__main__":
    assert json.loads(encode_naively()) == json.loads(encode_ours())
    assert decode_naively() == decode_ours()
    assert decode_naively().source == decode_ours().source
    compare(f"encode {len(SPOKEN)} bytes of AudioInput", encode_naively, encode_ours)
    compare(f"decode {len(RECEIVED)} bytes of AudioOutput", decode_naively, decode_ours)
