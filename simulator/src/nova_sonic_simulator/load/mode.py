"""`nova-sonic-simulator load`: sessions by the hundred, each with a reply of audio in turns.

    nova-sonic-simulator load --certificates var/load --port 8444

A session is answered with a USER text, a planned text and audio at the pace of speech, in cycles: the customer's
part, then the assistant's. Nothing is recognised and no rule is checked. One line of JSON a second says how many
sessions are open and how many frames of audio went each way, and how late the latest one was sent.
"""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nova_sonic_simulator.load.endpoint import ModelEndpoint, ModelStream

FRAME_S = 0.032
FRAME = bytes(2 * int(24_000 * FRAME_S))
REPORT_EVERY_S = 1.0


class LoadMode:
    """The sessions of the endpoint and what they sent and received."""

    def __init__(self, *, listen_s: float, reply_s: float) -> None:
        self.frames_received = 0
        self.frames_sent = 0
        self.latest_s = 0.0
        self._listen_s = listen_s
        self._reply_s = reply_s
        self._sessions: dict[ModelStream, asyncio.Task[None]] = {}

    @property
    def open_sessions(self) -> int:
        """Return how many sessions are open."""
        return sum(stream.is_open for stream in self._sessions)

    def receive_audio(self, stream: ModelStream, _pcm: bytes) -> None:
        """Count a frame; the first one of a session begins its replies."""
        self.frames_received += 1
        if stream not in self._sessions:
            self._sessions[stream] = asyncio.create_task(self._reply(stream))

    def receive_event(self, stream: ModelStream, name: str, _fields: dict[str, Any]) -> None:
        """End the session where the client ends it."""
        if name == "sessionEnd":
            stream.end()

    def close(self) -> None:
        """Stop all replies."""
        for task in self._sessions.values():
            task.cancel()

    async def _reply(self, stream: ModelStream) -> None:
        stream.send_event("completionStart")
        number = 0
        while stream.is_open:
            await asyncio.sleep(self._listen_s)
            number += 1
            stream.send_text(f"u{number}", "USER", "FINAL", "Hola")
            stream.send_text(f"t{number}", "ASSISTANT", "SPECULATIVE", "Hola, ¿qué tal?")
            stream.start_audio(f"a{number}")
            await self._send_audio(stream)
            stream.end_audio()
        del self._sessions[stream]

    async def _send_audio(self, stream: ModelStream) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        for _ in range(int(self._reply_s / FRAME_S)):
            if not stream.is_open:
                return
            stream.send_audio(FRAME)
            self.frames_sent += 1
            self.latest_s = max(self.latest_s, loop.time() - due_s)
            due_s += FRAME_S
            await asyncio.sleep(max(0.0, due_s - loop.time()))


def main(arguments: Sequence[str]) -> int:
    """Run the load mode and return the exit status of the process."""
    parser = argparse.ArgumentParser(prog="nova-sonic-simulator load")
    parser.add_argument("--certificates", type=Path, required=True, help="folder for ca.pem")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument(
        "--listen-s", type=float, default=4.0, help="the customer's part of a cycle"
    )
    parser.add_argument("--reply-s", type=float, default=4.0, help="the assistant's part")
    options = parser.parse_args(arguments)
    options.certificates.mkdir(parents=True, exist_ok=True)
    try:
        asyncio.run(_serve(options))
    except OSError as error:
        sys.stderr.write(f"Port {options.port} can't be used: {error.strerror}.\n")
        return 2
    return 0


async def _serve(options: argparse.Namespace) -> None:
    load = LoadMode(listen_s=options.listen_s, reply_s=options.reply_s)
    endpoint = ModelEndpoint(on_audio=load.receive_audio, on_event=load.receive_event)
    url, ca_file = await endpoint.start(options.certificates, port=options.port)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    _print(ready=True, url=url, ca_file=str(ca_file.resolve()))
    while not stop.is_set():
        try:
            async with asyncio.timeout(REPORT_EVERY_S):
                await stop.wait()
        except TimeoutError:
            _report(load)
    _report(load)
    load.close()
    endpoint.close()


def _report(load: LoadMode) -> None:
    _print(
        sessions=load.open_sessions,
        frames_received=load.frames_received,
        frames_sent=load.frames_sent,
        latest_ms=round(load.latest_s * 1000, 1),
    )
    load.latest_s = 0.0


def _print(**fields: Any) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()
