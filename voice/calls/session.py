"""One Nova Sonic session of a call: what is sent on its stream, and what is received.

    open ──► accepted ──begin_conversation──► carries the call ──end──► over
             (has its system prompt)          (gets the audio)

A prepared session has its system prompt and nothing more. With `begin_conversation` it gets the history,
and only then audio.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from conversations.domain import Speaker, Utterance
from voice import pcm
from voice.sonic import events as sonic
from voice.sonic.errors import RemoteProtocolError, SonicError, TransportError
from voice.sonic.interfaces import SonicStream, StreamSource

END_TIMEOUT_S = 2.0
"""How long the service may take to end the stream after our side has ended the session."""
_AUDIO_CONTENT = "microphone"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionConfig:
    """What a session is given before the conversation."""

    prompt_name: str
    start: sonic.SessionStart
    voice_id: str
    tools: tuple[sonic.ToolSpec, ...]
    system_prompt: str
    input_rate_hz: int


class SessionListener(Protocol):
    """Receives what the sessions of a call receive. `session` is the number of the session."""

    def audio_received(self, session: int, content_id: str, chunk: bytes) -> None:
        """Receive a piece of the reply's audio."""

    def output_received(self, session: int, output: sonic.OutputEvent) -> None:
        """Receive any other event."""

    def session_writable(self, session: int) -> None:
        """Learn that audio may be sent again."""

    def session_over(self, session: int, error: SonicError | None) -> None:
        """Learn that the session is over; nothing is received from it any more."""


class Session:
    """One session and its stream; a `StreamReceiver`."""

    def __init__(
        self, number: int, stream: SonicStream, config: SessionConfig, listener: SessionListener
    ) -> None:
        self.number = number
        self.credentials_until = stream.credentials_until
        self._stream = stream
        self._config = config
        self._blocks = 0
        self._listener: SessionListener | None = listener
        """Receives what the stream delivers; None once the session is over."""
        self._over = asyncio.Event()

    @classmethod
    async def open(
        cls, number: int, source: StreamSource, config: SessionConfig, listener: SessionListener
    ) -> Self:
        """Open a stream, send the system prompt, and wait until the service has accepted it.

        A session that one Region refuses is opened in another at once, if there is one. `listener` gets
        what the session receives, but nothing before the caller's next `await`.

        Raises:
            SonicError: The service refuses, or it cannot be reached.

        """
        try:
            return await cls._open_once(number, source, config, listener)
        except TransportError as error:
            if not source.may_open_elsewhere(error):
                raise
        return await cls._open_once(number, source, config, listener)

    @classmethod
    async def _open_once(
        cls, number: int, source: StreamSource, config: SessionConfig, listener: SessionListener
    ) -> Self:
        stream = await source.open_stream()
        try:
            session = cls(number, stream, config, listener)
            session._send_prompt()
            await stream.accepted()
            stream.start(session)
        except BaseException:
            await stream.close()
            raise
        return session

    @property
    def unknown_events(self) -> Mapping[str, int]:
        """How many events of each name were received that are not known."""
        return self._stream.unknown_events

    # Sending

    def begin_conversation(self, history: Iterable[Utterance]) -> None:
        """Send the conversation so far, and open the audio content."""
        for utterance in history:
            is_customer = utterance.speaker is Speaker.USER
            role = sonic.Role.USER if is_customer else sonic.Role.ASSISTANT
            self._send_text(role, utterance.text, interactive=False)
        self._stream.send_event(
            sonic.AudioContentStart(
                prompt_name=self._config.prompt_name,
                content_name=_AUDIO_CONTENT,
                input_rate_hz=self._config.input_rate_hz,
            )
        )

    def send_audio(self, chunk: bytes) -> bool:
        """Send a chunk of the customer's audio; return False if the stream does not accept it now."""
        return self._stream.send_audio(chunk)

    def send_text(self, text: str) -> None:
        """Send text in the user role, which the model replies to."""
        self._send_text(sonic.Role.USER, text, interactive=True)

    def send_tool_result(self, tool_use_id: str, result: Mapping[str, Any]) -> str | None:
        """Send the result of a tool use; return its content's name, None if no result is awaited."""
        if tool_use_id not in self._stream.open_tool_uses:
            return None
        name = self._next_content_name()
        self._stream.send_tool_result(content_name=name, tool_use_id=tool_use_id, result=result)
        return name

    # The end

    async def until_over(self) -> None:
        """Wait until the session is over: lost, ended in order, or too slow to end."""
        await self._over.wait()

    def end(self) -> None:
        """End the session in order, within `END_TIMEOUT_S`."""
        self._stream.end_input()
        asyncio.get_running_loop().call_later(END_TIMEOUT_S, self._finish, None)

    def fail(self, error: SonicError) -> None:
        """Treat the session as lost: the protocol does not allow what was to be sent on it now."""
        self._finish(error)

    async def close(self) -> None:
        """Free the stream."""
        self._listener = None
        self._over.set()
        await self._stream.close()

    # Called by the stream

    def audio_received(self, content_id: str, chunk: bytes) -> None:
        """Pass a piece of the reply's audio on."""
        if self._listener is not None:
            self._listener.audio_received(self.number, content_id, chunk)

    def event_received(self, event: sonic.OutputEvent) -> None:
        """Pass any other event on."""
        if self._listener is not None:
            self._listener.output_received(self.number, event)

    def writable_again(self) -> None:
        """Pass on that there is room for audio."""
        if self._listener is not None:
            self._listener.session_writable(self.number)

    def stream_lost(self, error: TransportError | RemoteProtocolError | None) -> None:
        """Pass on that the stream is over."""
        self._finish(error)

    # Private methods

    def _finish(self, error: SonicError | None) -> None:
        listener, self._listener = self._listener, None
        self._over.set()
        if listener is not None:
            listener.session_over(self.number, error)

    def _send_prompt(self) -> None:
        self._stream.send_event(self._config.start)
        self._stream.send_event(
            sonic.PromptStart(
                prompt_name=self._config.prompt_name,
                voice_id=self._config.voice_id,
                output_rate_hz=pcm.OUTPUT_RATE_HZ,
                tools=self._config.tools,
            )
        )
        self._send_text(sonic.Role.SYSTEM, self._config.system_prompt, interactive=False)

    def _send_text(self, role: sonic.Role, text: str, *, interactive: bool) -> None:
        self._stream.send_text(
            content_name=self._next_content_name(), role=role, text=text, interactive=interactive
        )

    def _next_content_name(self) -> str:
        self._blocks += 1
        return f"block-{self._blocks}"
