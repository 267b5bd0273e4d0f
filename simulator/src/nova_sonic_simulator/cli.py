"""Command line of the simulator: options, wiring, ready line, exit status.

The sockets are bound before the speech models are loaded, so a port in use is reported at once.
Clients that connect meanwhile are served as soon as the models are loaded.
"""

import argparse
import asyncio
import datetime as dt
import json
import logging
import os
import signal
import socket
import sys
import threading
import uuid
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from nova_sonic_simulator.clock import SystemClock
from nova_sonic_simulator.control.port import Control, control_port
from nova_sonic_simulator.dialogue import (
    Dialogue,
    DialogueSetup,
    LanguageModel,
    LanguageModelDialogue,
    ScriptedDialogue,
    Scripts,
    open_dialogue,
)
from nova_sonic_simulator.dialogue.nlu.plausibility import most_plausible
from nova_sonic_simulator.http2.certificates import Certificates, open_certificates
from nova_sonic_simulator.inspector.journal import Journal
from nova_sonic_simulator.inspector.page import inspector_page
from nova_sonic_simulator.inspector.recording import SceneRecorder
from nova_sonic_simulator.load import mode
from nova_sonic_simulator.log_format import JsonFormatter, TextFormatter
from nova_sonic_simulator.protocol.signatures import Credentials
from nova_sonic_simulator.service import Service, ServicePolicy, listen
from nova_sonic_simulator.session.executor import TALKING_THREADS, WAITING_THREADS, JobExecutor
from nova_sonic_simulator.session.session import SessionDependencies
from nova_sonic_simulator.speech import weights
from nova_sonic_simulator.speech.endpointing import Endpointing
from nova_sonic_simulator.speech.recognition import Recognition, open_recognition
from nova_sonic_simulator.speech.resampling import open_resampler
from nova_sonic_simulator.speech.text_to_speech import Synthesis, open_synthesis

logger = logging.getLogger("nova_sonic_simulator")

HOST = "127.0.0.1"
CANNOT_START_STATUS = 2
INTERRUPTED_STATUS = 130
EPILOG = """\
other commands, each with its own --help:
  nova-sonic-simulator download-model   download the model of speech recognition (145 MB)
  nova-sonic-simulator load             an endpoint for load tests

exit status:
  0    stopped by a signal or by the end of its input
  2    an option is wrong, or a port or a folder can't be used
  130  interrupted before it was ready
"""
BRAIN_KEY = "NOVA_SONIC_SIMULATOR_BRAIN_KEY"


class CannotStartError(Exception):
    """A port or a folder cannot be used; the text names it and the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sockets:
    """The bound sockets: of the service, and of the control port and the inspector if wanted."""

    service: socket.socket
    control: socket.socket | None
    inspector: socket.socket | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechEngines:
    """The speech recognition and the voice that this machine can run."""

    hearing: Recognition
    speaking: Synthesis

    @property
    def reason(self) -> str:
        """Return why recognition or synthesis runs in a lower mode, or an empty string."""
        return "; ".join(filter(None, (self.hearing.reason, self.speaking.reason)))


def run() -> int:
    """Run the command line of this process and return its exit status."""
    arguments = sys.argv[1:]
    try:
        if arguments[:1] == ["download-model"]:
            return weights.main(arguments[1:])
        if arguments[:1] == ["load"]:
            return mode.main(arguments[1:])
        return main(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED_STATUS


def main(arguments: Sequence[str]) -> int:
    """Run the simulator and return the exit status of the process."""
    options = _parser().parse_args(arguments)
    _configure_logging(options)
    try:
        certificates = _open_folders(options)
        sockets = _bind_sockets(options)
    except CannotStartError as error:
        sys.stderr.write(f"{error}\n")
        return CANNOT_START_STATUS
    engines = _open_engines(options)
    clock = SystemClock(options.time_scale)
    executor = JobExecutor(
        recognizer=engines.hearing.recognizer,
        voice=engines.speaking.voice,
        clock=clock,
        zone=options.time_zone,
        talking_threads=TALKING_THREADS if options.brain is None else WAITING_THREADS,
    )
    scripts = Scripts()
    dependencies = _dependencies(options, engines, scripts)
    journal = _open_journal(options)
    service = Service(
        _service_policy(options), dependencies, executor=executor, clock=clock, journal=journal
    )
    control = Control(service, scripts)
    asyncio.run(_serve(control, journal, sockets, certificates, engines, options))
    executor.close()
    if executor.is_busy:
        # A running transcription cannot be stopped, and Python would wait for its thread.
        logging.shutdown()
        os._exit(0)
    return 0


def _configure_logging(options: argparse.Namespace) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if options.log_format == "json" else TextFormatter())
    logging.basicConfig(level=options.log_level.upper(), handlers=[handler])


def _bind_sockets(options: argparse.Namespace) -> Sockets:
    ports = (options.control_port, options.inspector_port)
    control, inspector = (None if port is None else _bind_port(port) for port in ports)
    return Sockets(service=_bind_port(options.port), control=control, inspector=inspector)


def _open_folders(options: argparse.Namespace) -> Certificates:
    """Return the certificates; create the folder of the records if one is wanted."""
    folder: Path = options.certificates
    try:
        certificates = open_certificates(folder, now=dt.datetime.now(dt.UTC))
        if options.record is not None:
            folder = options.record
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise CannotStartError(f"Folder {folder} can't be used: {reason}.") from error
    return certificates


def _open_journal(options: argparse.Namespace) -> Journal | None:
    """Return a journal if the inspector or the recorder needs it."""
    if options.inspector_port is None and options.record is None:
        return None
    journal = Journal()
    if options.record is not None:
        name = f"{dt.datetime.now(dt.UTC):%Y-%m-%d-%H%M%S}"
        journal.follow(SceneRecorder(options.record, name=name).receive)
    return journal


def _bind_port(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port), backlog=128)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise CannotStartError(f"Port {port} can't be used: {reason}.") from error


async def _serve(
    control: Control,
    journal: Journal | None,
    sockets: Sockets,
    certificates: Certificates,
    engines: SpeechEngines,
    options: argparse.Namespace,
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if options.until_stdin_closes:
        threading.Thread(target=_wait_for_stdin, args=(loop, stop), daemon=True).start()
    async with AsyncExitStack() as stack:
        if sockets.control is not None:
            await stack.enter_async_context(control_port(control, sockets.control))
        if sockets.inspector is not None and journal is not None:
            await stack.enter_async_context(inspector_page(journal, sockets.inspector))
        await listen(
            control.service,
            sockets.service,
            certificates.server_context(),
            ready=lambda: _print_ready_line(sockets, certificates, engines),
            stop=stop,
        )


def _wait_for_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # Not sys.stdin: its buffer has a lock that this thread would hold at interpreter shutdown.
    while os.read(0, 4096):
        pass
    loop.call_soon_threadsafe(stop.set)


def _print_ready_line(sockets: Sockets, certificates: Certificates, engines: SpeechEngines) -> None:
    """Print the ready line: one JSON object that callers wait for."""
    line: dict[str, Any] = {
        "ready": True,
        "url": f"https://{HOST}:{sockets.service.getsockname()[1]}",
        "ca_file": str(certificates.ca_file.resolve()),
        "hearing": engines.hearing.step,
        "speaking": engines.speaking.step,
    }
    if sockets.control is not None:
        line["control_port"] = sockets.control.getsockname()[1]
    if sockets.inspector is not None:
        line["inspector"] = f"http://{HOST}:{sockets.inspector.getsockname()[1]}/"
    if engines.reason:
        line["reason"] = engines.reason
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _open_engines(options: argparse.Namespace) -> SpeechEngines:
    logger.info("loading speech models", extra={"hearing": options.hearing})
    hearing = open_recognition(
        options.models, options.hearing, time_scale=options.time_scale, choose=most_plausible
    )
    engines = SpeechEngines(hearing=hearing, speaking=open_synthesis())
    if engines.hearing.endpointer_factory is not None:
        # The first endpointer loads the shared VAD model; do that before the first customer speaks.
        engines.hearing.endpointer_factory(silence_ms=0).feed(bytes(1024))
    engines.speaking.voice.synthesize("Hola.", 24_000)
    logger.info(
        "speech models loaded",
        extra={"hearing": engines.hearing.step, "speaking": engines.speaking.step},
    )
    return engines


def _service_policy(options: argparse.Namespace) -> ServicePolicy:
    return ServicePolicy(
        credentials=Credentials(
            access_key=options.access_key,
            secret_key=options.secret_key,
            session_token=options.session_token,
        ),
        max_streams=options.max_streams,
        retired_models=options.retired_models,
    )


def _dependencies(
    options: argparse.Namespace, engines: SpeechEngines, scripts: Scripts
) -> SessionDependencies:
    factory = engines.hearing.endpointer_factory

    def open_endpointing(silence_ms: int) -> Endpointing:
        assert factory is not None
        return factory(silence_ms=silence_ms)

    open_partner = _partner(options)
    return SessionDependencies(
        open_dialogue=lambda setup: ScriptedDialogue(open_partner(setup), scripts),
        open_endpointing=open_endpointing if factory is not None else None,
        open_resampler=open_resampler,
        new_id=lambda: str(uuid.uuid4()),
        reject_audio_during_tools=options.reject_audio_during_tools,
        turn_silence_ms=options.turn_silence_ms,
        response_delay_s=options.response_delay_ms / 1000,
        empty_typed_transcript=options.empty_typed_transcript,
    )


def _partner(options: argparse.Namespace) -> Callable[[DialogueSetup], Dialogue]:
    if options.brain is None:
        return open_dialogue
    language_model = LanguageModel(
        url=options.brain, model=options.brain_model, api_key=os.environ.get(BRAIN_KEY)
    )
    return lambda setup: LanguageModelDialogue(setup, language_model)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nova-sonic-simulator",
        description="A local Nova Sonic for the real SDK.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=_port, default=8443, help="0 takes a free one")
    add("--certificates", type=Path, required=True, help="folder of the TLS certificate")
    add("--hearing", choices=("auto", "speech", "text", "coded"), default="auto")
    add("--models", type=Path, default=Path("var/models"), help="folder of the speech model")
    add("--time-zone", type=_time_zone, default=ZoneInfo("America/Argentina/Buenos_Aires"))
    add("--until-stdin-closes", action="store_true", help="end with the process that started it")
    add("--control-port", type=_port, default=None, help="where it's commanded; 0 takes a free one")
    add("--inspector-port", type=_port, default=None, help="page of the sessions; 0: a free port")
    add("--record", type=Path, default=None, metavar="DIR", help="write each session as a scene")
    add("--access-key", default="local")
    add("--secret-key", default="local")
    add("--session-token", default=None)
    add("--max-streams", type=_streams, default=20, help="more at once get HTTP 429")
    add("--time-scale", type=_positive, default=1.0, help="limits and playback: N times as fast")
    add("--retired-models", action="store_true", help="answer for models past their end of life")
    add("--reject-audio-during-tools", action="store_true", help="refuse audio while a tool runs")
    add("--turn-silence-ms", type=_count, default=None, help="pause that ends a turn")
    add("--response-delay-ms", type=_count, default=100, help="shortest time to respond")
    add("--empty-typed-transcript", action="store_true", help="typed text comes back empty")
    add(
        "--brain",
        type=_url,
        default=None,
        metavar="URL",
        help="a language model answers, not rules",
    )
    add(
        "--brain-model",
        default="default",
        metavar="NAME",
        help=f"its name; its key is in {BRAIN_KEY}",
    )
    add("--log-format", choices=("text", "json"), default="text", help="json: one object a line")
    add("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    return parser


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError("has to be from 0 to 65535")
    return number


def _time_zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (KeyError, OSError) as error:
        raise argparse.ArgumentTypeError("is no time zone, such as UTC") from error


def _streams(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("has to be 1 or more")
    return number


def _url(text: str) -> str:
    url = urlsplit(text)
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise argparse.ArgumentTypeError("has to be http://… or https://…")
    return text


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("has to be 0 or more")
    return number


def _positive(text: str) -> float:
    number = float(text)
    if number <= 0:
        raise argparse.ArgumentTypeError("has to be more than 0")
    return number
