"""One stream of payloads: the SDK's duplex stream, and the fast path for audio beside it.

The SDK serialises, signs and parses every payload but audio. Audio bypasses it in both directions:
`Channel.send_audio` frames and signs the payload itself, as the next link of the same chain of
signatures; a received chunk is decoded here and offered to the consumer, which refuses everything
but audio, and then the SDK decodes the frame. Both ways give the same bytes
(`tests/sonic/test_fast_path.py`).

The SDK's methods are coroutines, but what they await here never waits: the body sends or queues, a
frame is whole before it is read, credentials and signatures are at hand. So `run_at_once` runs them
to their end in the callback that needs them.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from voice.sonic.errors import TransportCode, TransportError
from voice.sonic.event_stream import ChunkDecoder, FrameSplitter, encode_chunk
from voice.sonic.failures import as_transport_error
from voice.sonic.sdk_bodies import RequestBody
from voice.sonic.signing import SignatureChain

_log = logging.getLogger(__name__)

EVENTS_PER_TURN = 1
"""How many events other than audio a channel handles before it lets the event loop handle other sockets.

A turn of the conversation begins with a dozen events at once, and each takes longer than several chunks of
audio. The audio of other calls does not wait for all of them."""

MAX_WAITING_FRAMES = 256
"""How many frames may wait for the next turn of the event loop; more are handled at once."""


class ChannelConsumer(Protocol):
    """Consumes what a channel receives. Callbacks come in the order of the wire."""

    def audio_received(self, payload: bytes) -> bool:
        """Consume a payload if it is audio; if not, return False: it comes again from the SDK."""

    def payload_received(self, payload: bytes) -> None:
        """Consume a payload that the SDK has decoded."""

    def writable_again(self) -> None:
        """Learn that everything has been sent that flow control had stopped."""

    def channel_lost(self, error: TransportError | None) -> None:
        """Learn that the channel is over; None after a clean end. Nothing is called after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SdkStream:
    """The SDK's part of a channel, and how to make its events of payloads."""

    stream: Any
    """The SDK's DuplexEventStream."""
    body: RequestBody
    chain: SignatureChain
    wrap: Callable[[bytes], Any]
    """Returns the event that carries a payload."""
    unwrap: Callable[[Any], bytes | None]
    """Returns the payload of an event; None if the event carries none."""


class Channel:
    """A stream of payloads that never waits."""

    def __init__(
        self,
        sdk: SdkStream,
        *,
        close_timeout_s: float,
        on_lost: Callable[[TransportError], None],
        on_close: Callable[["Channel"], None],
    ) -> None:
        """Begin to send and receive on a stream that the SDK has opened.

        Args:
            sdk: An open stream.
            close_timeout_s: How long closing may take.
            on_lost: Called if the stream fails, before the consumer learns it.
            on_close: Called when the channel is closed.

        """
        self._sdk = sdk
        self._close_timeout_s = close_timeout_s
        self._on_lost = on_lost
        self._on_close = on_close
        self._splitter = FrameSplitter()
        self._decoder = ChunkDecoder()
        # Whole frames that are left for the next turn of the event loop.
        self._waiting: deque[bytes] = deque()
        self._events_in_turn = 0
        # The SDK's receiver, once the service has accepted the stream.
        self._sdk_receiver: Any = None
        self._consumer: ChannelConsumer | None = None
        self._failure: TransportError | None = None
        self._is_over = self._is_closed = self._is_input_ended = False
        loop = asyncio.get_running_loop()
        self._call_soon = loop.call_soon
        self._accepted: asyncio.Future[None] = loop.create_future()
        self._answer = asyncio.create_task(  # noqa: TID251 -- close() awaits it
            sdk.stream.await_output()
        )
        self._answer.add_done_callback(self._on_answer)

    @property
    def is_blocked(self) -> bool:
        """Whether something waits for flow control; audio should wait with the caller then."""
        return self._sdk.body.is_blocked

    @property
    def failure(self) -> TransportError | None:
        """Why the channel was lost, if it was."""
        return self._failure

    async def accepted(self) -> None:
        """Wait until the service has accepted the stream. Raises TransportError if it refuses."""
        await asyncio.shield(self._accepted)

    def start(self, consumer: ChannelConsumer) -> None:
        """Give everything to `consumer` from now on, but nothing within this call."""
        self._consumer = consumer
        self._call_soon(self._begin)

    def send_payload(self, payload: bytes) -> None:
        """Send a payload through the SDK. On a channel that is over, it is dropped."""
        if not self._is_over and not self._is_input_ended:
            self._sdk_call(self._sdk.stream.input_stream.send(self._sdk.wrap(payload)))

    def send_audio(self, payload: bytes) -> None:
        """Send a payload without the SDK; the service cannot tell the difference."""
        if not self._is_over and not self._is_input_ended:
            frame = encode_chunk(payload)
            date_ms = int(time.time() * 1000)
            self._sdk.body.send(self._sdk.chain.sign_frame(frame, date_ms=date_ms))

    def end_input(self) -> None:
        """End our side, with the signed empty frame that the service expects; idempotent."""
        if not self._is_over and not self._is_input_ended:
            self._is_input_ended = True
            self._sdk_call(self._sdk.stream.input_stream.close())

    def abandon(self) -> None:
        """Give the stream up; the consumer is not called any more. Idempotent."""
        self._is_over = True
        self._consumer = None
        self._sdk.body.abandon()

    async def close(self) -> None:
        """End the stream and free everything. Idempotent, bounded in time, never raises."""
        if self._is_closed:
            return
        self._is_closed = True
        self._consumer = None
        self.end_input()
        self.abandon()
        if not self._accepted.done():
            self._refuse(TransportError(TransportCode.STREAM_LOST, "closed on this side"))
        self._on_close(self)
        await asyncio.wait({self._answer}, timeout=self._close_timeout_s)
        self._answer.cancel()
        await asyncio.wait({self._answer})

    # Methods that the HTTP/2 stream calls.

    def data_received(self, data: bytes) -> None:
        """Receive a piece of the stream; handle the frames that are whole with it."""
        if self._is_over:
            return
        try:
            frames = self._splitter.split(data)
        except ValueError as error:
            self._handle_all_waiting()
            self._fail(TransportError(TransportCode.BAD_FRAME, str(error)))
            return
        self._waiting.extend(frames)
        if len(self._waiting) > MAX_WAITING_FRAMES:
            self._handle_all_waiting()
        else:
            self._handle_waiting()

    def end_received(self) -> None:
        """Receive the end of the service's side."""
        self._handle_all_waiting()
        if self._splitter.has_rest:
            message = "the stream ended in the middle of a frame"
            self._fail(TransportError(TransportCode.STREAM_LOST, message))
        else:
            self._finish(None)

    def stream_failed(self, error: TransportError) -> None:
        """Learn that the HTTP/2 stream is lost."""
        self._handle_all_waiting()
        self._fail(error)

    def stream_unblocked(self) -> None:
        """Learn that everything has been sent that flow control had stopped."""
        if self._consumer is not None:
            self._consumer.writable_again()

    # Private methods.

    def _on_answer(self, answer: asyncio.Task[Any]) -> None:
        """Begin to receive, now that the response has begun; or learn that there is none."""
        if answer.cancelled():
            return
        if error := answer.exception():
            self._fail(as_transport_error(error, self._sdk.body.status))
            return
        _, self._sdk_receiver = answer.result()
        if not self._accepted.done():
            self._accepted.set_result(None)
        self._begin()

    def _begin(self) -> None:
        """Let the stream deliver, once there are a response and a consumer."""
        if self._consumer is None:
            return
        if self._failure is not None:
            self._finish(self._failure)
        elif self._sdk_receiver is not None:
            self._sdk.body.set_consumer(self)
            if not self.is_blocked:
                self.stream_unblocked()  # it may have been, before the consumer could learn it

    def _handle_waiting(self) -> None:
        """Handle the frames that wait, as many as this turn of the event loop may; the next continues."""
        while self._waiting and self._events_in_turn < EVENTS_PER_TURN:
            if self._handle_frame(self._waiting.popleft()):
                if not self._events_in_turn:
                    self._call_soon(self._begin_turn)
                self._events_in_turn += 1

    def _begin_turn(self) -> None:
        self._events_in_turn = 0
        self._handle_waiting()

    def _handle_all_waiting(self) -> None:
        """Handle all frames that wait, because something else follows them."""
        while self._waiting:
            self._handle_frame(self._waiting.popleft())

    def _handle_frame(self, frame: bytes) -> bool:
        """Give a frame to the consumer; return whether it is another event than audio."""
        payload = self._decoder.decode(frame)
        consumer = self._consumer
        if consumer is None:
            self._waiting.clear()
            return False
        if payload is not None and consumer.audio_received(payload):
            return False
        self._receive_with_sdk(frame, consumer)
        return True

    def _receive_with_sdk(self, frame: bytes, consumer: ChannelConsumer) -> None:
        self._sdk.body.frames.load(frame)
        try:
            event = run_at_once(self._sdk_receiver.receive())
            payload = self._sdk.unwrap(event)
        except Exception as error:  # noqa: BLE001 -- the SDK raises its own, KeyError and more
            self._fail(as_transport_error(error, self._sdk.body.status))
            return
        if payload is None:
            _log.debug("unknown stream member", extra={"type": type(event).__name__})
            return
        self._decoder.learn(frame)
        consumer.payload_received(payload)

    def _sdk_call(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        try:
            run_at_once(coroutine)
        except Exception as error:  # noqa: BLE001 -- as above
            self._fail(as_transport_error(error, self._sdk.body.status))

    def _fail(self, error: TransportError) -> None:
        if self._failure is None:
            self._failure = error
            self._on_lost(error)
        if not self._accepted.done():
            self._refuse(error)
        if self._consumer is not None:
            self._finish(self._failure)

    def _finish(self, error: TransportError | None) -> None:
        consumer, self._consumer = self._consumer, None
        if error is not None:
            self._is_over = True
            self._sdk.body.abandon()
        if consumer is not None:
            consumer.channel_lost(error)

    def _refuse(self, error: TransportError) -> None:
        self._accepted.set_exception(error)
        self._accepted.exception()  # retrieved, or asyncio reports it where nothing waits for it


def run_at_once[T](coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits, and return its result.

    Raises:
        RuntimeError: It waits.

    """
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    with contextlib.suppress(RuntimeError):
        coroutine.close()
    raise RuntimeError("the SDK waited where it must not")
