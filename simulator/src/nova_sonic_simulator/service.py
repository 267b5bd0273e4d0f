"""HTTP side of InvokeModelWithBidirectionalStream: routing, authentication, quota.

From AWS's API reference of the operation and Bedrock's common errors. Checks run in this order: path,
signature, content type, model, number of streams. The response headers are sent at once; clients send
their first events without waiting for them. Faults armed for `open` are applied first.
"""

import asyncio
import itertools
import json
import logging
import re
import socket
import ssl
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote

from nova_sonic_simulator.clock import Clock
from nova_sonic_simulator.faults.injection import break_stream, sleep_service_time
from nova_sonic_simulator.faults.model import (
    Abort,
    Action,
    Delay,
    Faults,
    Goaway,
    Hang,
    Refuse,
    Reset,
)
from nova_sonic_simulator.http2.connection import Connection, Headers, Stream
from nova_sonic_simulator.http2.listener import Listener
from nova_sonic_simulator.inspector.journal import Journal, SessionJournal
from nova_sonic_simulator.protocol.families import FAMILIES, Family
from nova_sonic_simulator.protocol.signatures import (
    Credentials,
    CredentialStore,
    EventVerifier,
    SignatureRefusedError,
    SignedRequest,
    verify_request,
)
from nova_sonic_simulator.session.executor import JobExecutor
from nova_sonic_simulator.session.records import Records, SessionRecord
from nova_sonic_simulator.session.runner import SessionRunner
from nova_sonic_simulator.session.session import Session, SessionDependencies

logger = logging.getLogger(__name__)

EVENT_STREAM = "application/vnd.amazon.eventstream"
PATH = re.compile(r"/model/([^/?]+)/invoke-with-bidirectional-stream\??")
ERROR_TYPE_SUFFIX = ":http://internal.amazon.com/coral/com.amazon.bedrock/"


class HttpRefusedError(Exception):
    """The request is answered with an HTTP error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{int(status)} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePolicy:
    """Limits and access of the service."""

    credentials: Credentials
    max_streams: int
    send_s: float = 30.0
    """How many seconds a client may read no output before its stream is reset."""
    retired_models: bool = False
    """Whether models past their end of life still answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _AdmittedRequest:
    """A request that has passed all checks."""

    family: Family
    model_id: str
    verifier: EventVerifier


class Service:
    """The endpoint: checks requests and runs a session on each stream."""

    def __init__(
        self,
        policy: ServicePolicy,
        dependencies: SessionDependencies,
        *,
        executor: JobExecutor,
        clock: Clock,
        journal: Journal | None = None,
    ) -> None:
        self.faults = Faults()
        self.records = Records()
        self.identities = CredentialStore(policy.credentials)
        self._policy = policy
        self._dependencies = dependencies
        self._executor = executor
        self._journal = journal
        self.clock = clock
        self._began_s = clock.elapsed_s()
        self._open_streams = 0
        self._runners: set[SessionRunner] = set()

    @property
    def age_s(self) -> float:
        """Return the age of the service, in seconds of service time."""
        return self.clock.elapsed_s() - self._began_s

    def apply_to_all_sessions(self, action: Action) -> int:
        """Apply an action to all open sessions and return their number."""
        triggered = tuple(self._runners)
        for runner in triggered:
            runner.apply(action)
        return len(triggered)

    async def serve(self, stream: Stream) -> None:
        """Answer one request."""
        try:
            injector = await self._apply_open_faults(stream)
            admitted = self._admit(stream)
        except HttpRefusedError as refused:
            logger.warning(
                "request refused",
                extra={
                    "stream": stream.label,
                    "status": int(refused.status),
                    "code": refused.code,
                    "reason": refused.message,
                },
            )
            if self._journal is not None:
                self._journal.add(
                    "refused",
                    session=stream.label,
                    now_s=self.age_s,
                    event=f"{int(refused.status)} {refused.code}",
                    message=refused.message,
                )
            await _send_refusal(stream, refused)
            return
        self._open_streams += 1
        try:
            await self._run(stream, admitted, injector)
        finally:
            self._open_streams -= 1
        # Counted down first: a client that sees the end may open the next stream at once.
        stream.end()

    async def _apply_open_faults(self, stream: Stream) -> list[Action]:
        """Apply the faults of a request; return the actions for its session."""
        later: list[Action] = []
        for action in self.faults.at_open():
            match action:
                case Refuse():
                    raise HttpRefusedError(action.status, action.code, action.message)
                case Hang(seconds=None):
                    await stream.hang()
                case Hang(seconds=float(seconds)) | Delay(seconds=seconds):
                    await sleep_service_time(seconds, self.clock)
                case Abort() | Reset() | Goaway():
                    break_stream(stream, action)
                    stream.check()
                case _:
                    later.append(action)
        return later

    async def _run(
        self, stream: Stream, admitted: _AdmittedRequest, injector: list[Action]
    ) -> None:
        stream.send_headers([(":status", "200"), ("content-type", EVENT_STREAM), *_request_id()])
        logger.info("stream opened", extra={"stream": stream.label, "model": admitted.model_id})
        now_s = self.clock.elapsed_s()
        record = self.records.begin(
            session_id=stream.label, model=admitted.model_id, now_s=self.age_s
        )
        journal = self._open_journal(stream.label, admitted)
        runner = SessionRunner(
            stream,
            session=Session(admitted.family, self._dependencies, now_s=now_s, record=record),
            verifier=admitted.verifier,
            faults=self.faults.of_session(stream.label, now_s=now_s),
            executor=self._executor,
            send_s=self._policy.send_s,
            journal=journal,
        )
        for action in injector:
            runner.apply(action)
        try:
            await self._run_and_record(runner, record)
        finally:
            if journal is not None:
                journal.add("closed", ended=record.ended, **(record.failure or {}))
        logger.info("stream closed", extra={"stream": stream.label, "ended": record.ended})

    def _open_journal(self, label: str, admitted: _AdmittedRequest) -> SessionJournal | None:
        if self._journal is None:
            return None
        journal = SessionJournal(self._journal, session=label, now_s=lambda: self.age_s)
        journal.add("opened", model=admitted.model_id)
        return journal

    async def _run_and_record(self, runner: SessionRunner, record: SessionRecord) -> None:
        self._runners.add(runner)
        try:
            await runner.run()
        finally:
            self._runners.discard(runner)
            record.ended, record.ended_s = runner.ending, self.age_s
            record.failure = runner.final_error

    def _admit(self, stream: Stream) -> _AdmittedRequest:
        headers = dict(stream.headers)
        method, target = headers.get(":method", ""), headers.get(":path", "")
        path = PATH.fullmatch(target)
        if path is None or method != "POST":
            raise HttpRefusedError(
                HTTPStatus.NOT_FOUND, "UnknownOperationException", "There is no such operation."
            )
        verifier = self._authenticate(stream, method, target)
        if headers.get("content-type") != EVENT_STREAM:
            raise HttpRefusedError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "UnsupportedMediaTypeException",
                f"The content type has to be {EVENT_STREAM}.",
            )
        model_id = unquote(path[1])
        family = self._family(model_id)
        if self._open_streams >= self._policy.max_streams:
            raise HttpRefusedError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "ThrottlingException",
                "Too many requests, please wait before trying again.",
            )
        return _AdmittedRequest(family=family, model_id=model_id, verifier=verifier)

    def _authenticate(self, stream: Stream, method: str, target: str) -> EventVerifier:
        request = SignedRequest(method=method, target=target, headers=stream.headers)
        try:
            return verify_request(request, self.identities, now=self.clock.now())
        except SignatureRefusedError as refused:
            incomplete = refused.code == "IncompleteSignatureException"
            status = HTTPStatus.BAD_REQUEST if incomplete else HTTPStatus.FORBIDDEN
            raise HttpRefusedError(status, refused.code, refused.message) from refused

    def _family(self, model_id: str) -> Family:
        family = FAMILIES.get(model_id)
        if family is None:
            raise HttpRefusedError(
                HTTPStatus.BAD_REQUEST,
                "ValidationException",
                "The provided model identifier is invalid.",
            )
        retired = family.retired_on is not None and self.clock.now().date() >= family.retired_on
        if retired and not self._policy.retired_models:
            raise HttpRefusedError(
                HTTPStatus.NOT_FOUND,
                "ResourceNotFoundException",
                "This model version has reached the end of its life. Please refer to the AWS "
                "documentation for more details.",
            )
        return family


async def _send_refusal(stream: Stream, refused: HttpRefusedError) -> None:
    body = json.dumps({"message": refused.message}).encode()
    stream.send_headers(
        [
            (":status", str(int(refused.status))),
            ("content-type", "application/json"),
            ("content-length", str(len(body))),
            ("x-amzn-errortype", refused.code + ERROR_TYPE_SUFFIX),
            *_request_id(),
        ]
    )
    await stream.send(body)
    stream.end()


def _request_id() -> Headers:
    return [("x-amzn-requestid", str(uuid.uuid4()))]


async def listen(
    service: Service,
    bound: socket.socket,
    tls: ssl.SSLContext,
    *,
    ready: Callable[[], None],
    stop: asyncio.Event,
) -> None:
    """Serve on a bound socket until `stop`; `ready` is called once connections are accepted."""
    numbers = itertools.count(1)
    open_connections: set[Connection] = set()
    async with asyncio.TaskGroup() as tasks:

        def make_connection(initial_goaway: Goaway | None) -> Connection:
            name = f"c{next(numbers)}"
            return Connection(
                name, service.serve, tasks, open_connections, initial_goaway=initial_goaway
            )

        listener = Listener(
            service.faults, tls, clock=service.clock, make_connection=make_connection
        )
        accepting = tasks.create_task(listener.accept_connections(bound))
        ready()
        try:
            await stop.wait()
        finally:
            accepting.cancel()
            await asyncio.wait({accepting})
            bound.close()
            for connection in tuple(open_connections):
                connection.shut_down()
