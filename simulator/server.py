"""The HTTP side of InvokeModelWithBidirectionalStream: who may open a stream, and on what.

From AWS's API reference of the operation and Bedrock's list of common errors. Order of the
questions: is there such a path, is the request signed, is there such a model, is there room. The
answer's headers go out at once; clients in the field send their first events without waiting.
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

from simulator.clock import Clock
from simulator.families import FAMILIES, Family
from simulator.http2 import Connection, Headers, Stream
from simulator.runner import SessionRunner
from simulator.session import Session, Surroundings
from simulator.signatures import (
    Credentials,
    EventVerifier,
    SignatureRefusedError,
    SignedRequest,
    verify_request,
)
from simulator.workshop import Workshop

logger = logging.getLogger(__name__)

EVENT_STREAM = "application/vnd.amazon.eventstream"
PATH = re.compile(r"/model/([^/?]+)/invoke-with-bidirectional-stream\??")
ERROR_TYPE_SUFFIX = ":http://internal.amazon.com/coral/com.amazon.bedrock/"


class HttpRefusedError(Exception):
    """A request that gets no stream."""

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        super().__init__(f"{status.value} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Whom the service lets in."""

    credentials: Credentials
    max_streams: int
    send_s: float = 30.0
    """How long a client may take no output before its stream is broken off."""
    retired_models: bool = False
    """Whether models past their end of life still answer."""


class Service:
    """The endpoint: takes streams and runs a session on each."""

    def __init__(
        self, policy: Policy, surroundings: Surroundings, *, workshop: Workshop, clock: Clock
    ) -> None:
        self._policy = policy
        self._surroundings = surroundings
        self._workshop = workshop
        self._clock = clock
        self._open_streams = 0

    async def serve(self, stream: Stream) -> None:
        """Answer one request."""
        try:
            family, verifier = self._admit(stream)
        except HttpRefusedError as refused:
            logger.warning("stream=%s refused: %s", stream.label, refused)
            await _send_refusal(stream, refused)
            return
        self._open_streams += 1
        try:
            await self._run(stream, family, verifier)
        finally:
            self._open_streams -= 1
        # Only now: who sees a stream end may open the next one at once.
        stream.end()

    async def _run(self, stream: Stream, family: Family, verifier: EventVerifier) -> None:
        stream.send_headers([(":status", "200"), ("content-type", EVENT_STREAM), *_request_id()])
        logger.info("stream=%s opened", stream.label)
        session = Session(family, self._surroundings, now_s=self._clock.elapsed_s())
        await SessionRunner(
            stream,
            session=session,
            verifier=verifier,
            workshop=self._workshop,
            clock=self._clock,
            send_s=self._policy.send_s,
        ).run()
        logger.info("stream=%s closed", stream.label)

    def _admit(self, stream: Stream) -> tuple[Family, EventVerifier]:
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
        family = self._family(unquote(path[1]))
        if self._open_streams >= self._policy.max_streams:
            raise HttpRefusedError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "ThrottlingException",
                "Too many requests, please wait before trying again.",
            )
        return family, verifier

    def _authenticate(self, stream: Stream, method: str, target: str) -> EventVerifier:
        request = SignedRequest(method=method, target=target, headers=stream.headers)
        try:
            return verify_request(request, self._policy.credentials, now=self._clock.now())
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
        retired = family.retired_on is not None and self._clock.now().date() >= family.retired_on
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
            (":status", str(refused.status.value)),
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
    """Serve on a bound socket until `stop`; `ready` is called once connections are taken."""
    numbers = itertools.count(1)
    open_connections: set[Connection] = set()
    async with asyncio.TaskGroup() as tasks:
        server = await asyncio.get_running_loop().create_server(
            lambda: Connection(f"c{next(numbers)}", service.serve, tasks, open_connections),
            sock=bound,
            ssl=tls,
        )
        ready()
        try:
            await stop.wait()
        finally:
            server.close()
            for connection in tuple(open_connections):
                connection.say_goodbye()
