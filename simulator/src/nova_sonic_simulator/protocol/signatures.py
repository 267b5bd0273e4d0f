"""Verifies the request's SigV4 signature and the chain of event signatures.

Written from "Signature Version 4" (AWS IAM guide) and "Event stream encoding" (Amazon Transcribe guide,
signed events). The error texts are those of AWS services.

A request is signed over a canonical form of method, path, query and headers. The path is used as it is
on the wire and encoded once more, so `%3A` becomes `%253A`; an empty query (a path that ends in `?`) is
no query. The request's signature seeds a chain: each event is wrapped in a message with `:date` and a
`:chunk-signature` computed from the previous signature, so that no event can be altered, dropped,
repeated or reordered. An event with an empty payload ends the chain.
"""

import datetime as dt
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from nova_sonic_simulator.protocol.eventstream import (
    Decoder,
    FramingError,
    HeaderValue,
    Message,
    Timestamp,
    encode_headers,
)

SERVICE = "bedrock"
ALGORITHM = "AWS4-HMAC-SHA256"
EVENT_ALGORITHM = "AWS4-HMAC-SHA256-PAYLOAD"
EVENTS_PAYLOAD_HASH = "STREAMING-AWS4-HMAC-SHA256-EVENTS"
MAX_SKEW = dt.timedelta(minutes=5)

INVALID_TOKEN = "The security token included in the request is invalid."  # noqa: S105 -- an error text, not a secret
EXPIRED_TOKEN = "The security token included in the request is expired"  # noqa: S105 -- an error text, not a secret
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. "
    "Consult the service documentation for details."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The credentials the service accepts; a session token is optional."""

    access_key: str
    secret_key: str
    session_token: str | None = None


class CredentialStore:
    """The credentials accepted now, and those that have expired."""

    def __init__(self, first: Credentials) -> None:
        self._first = first
        self.current = first
        self._expired: set[tuple[str, str | None]] = set()

    def change(self, credentials: Credentials, *, expire: bool) -> None:
        """Accept only these credentials; `expire` marks the previous ones as expired."""
        before = self.current
        if expire:
            self._expired.add((before.access_key, before.session_token))
        self._expired.discard((credentials.access_key, credentials.session_token))
        self.current = credentials

    def restore(self) -> None:
        """Accept the initial credentials again."""
        self._expired.clear()
        self.current = self._first

    def check(self, access_key: str, session_token: str | None) -> None:
        """Check an access key and session token; raises SignatureRefusedError."""
        if (access_key, session_token) in self._expired:
            raise SignatureRefusedError("ExpiredTokenException", EXPIRED_TOKEN)
        known = hmac.compare_digest(access_key.encode(), self.current.access_key.encode())
        if not known or session_token != self.current.session_token:
            raise SignatureRefusedError("UnrecognizedClientException", INVALID_TOKEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """The signed parts of a request; `target` is path and query as on the wire."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]]


class SignatureRefusedError(Exception):
    """The signature is missing, wrong or out of date; with AWS's code and text."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def verify_request(
    request: SignedRequest, identities: CredentialStore, *, now: dt.datetime
) -> "EventVerifier":
    """Verify a request's signature and return the verifier of its events.

    Raises:
        SignatureRefusedError: With AWS's code and text.
    """
    headers = _folded(request.headers)
    authorization = _Authorization.parse(headers.get("authorization", ""))
    identities.check(authorization.access_key, headers.get("x-amz-security-token"))
    secret_key = identities.current.secret_key
    signed_at = _check_date(authorization, headers, now)
    _check_signed_headers(authorization, headers)
    string_to_sign = "\n".join(
        (
            ALGORITHM,
            signed_at,
            authorization.scope,
            _sha256(_canonical(request, headers, authorization).encode()),
        )
    )
    expected = _sign(_signing_key(secret_key, authorization.scope), string_to_sign)
    if not hmac.compare_digest(expected.hex().encode(), authorization.signature.encode()):
        raise SignatureRefusedError("InvalidSignatureException", MISMATCH)
    return EventVerifier(secret_key, authorization.region, authorization.signature)


class EventVerifier:
    """Unwraps the signed events of one stream, in order."""

    def __init__(self, secret_key: str, region: str, seed_signature: str) -> None:
        self._secret_key = secret_key
        self._region = region
        self._previous = seed_signature
        self._keys: dict[str, bytes] = {}
        self.ended = False

    def unwrap(self, message: Message, *, now: dt.datetime) -> Message | None:
        """Return the inner event, or None at the signed end of the input.

        Raises:
            SignatureRefusedError: The chain is broken.
            FramingError: The payload is not an event.
        """
        if self.ended:
            raise SignatureRefusedError("InvalidSignatureException", "Event after the signed end.")
        date, signature = message.headers.get(":date"), message.headers.get(":chunk-signature")
        if not isinstance(date, Timestamp) or not isinstance(signature, bytes):
            raise SignatureRefusedError(
                "MissingAuthenticationTokenException", "The event is not signed."
            )
        expected = self._expected(date, message.payload, now)
        if not hmac.compare_digest(expected, signature):
            raise SignatureRefusedError("InvalidSignatureException", MISMATCH)
        self._previous = signature.hex()
        self.ended = not message.payload
        return _only_message(message.payload) if message.payload else None

    def _expected(self, date: Timestamp, payload: bytes, now: dt.datetime) -> bytes:
        signed_at = _compact(_moment(date))
        _check_skew(signed_at, now)
        # The date is the event's own: a stream may outlive the day on which its request was signed.
        scope = f"{signed_at[:8]}/{self._region}/{SERVICE}/aws4_request"
        date_header: Mapping[str, HeaderValue] = {":date": date}
        if scope not in self._keys:
            self._keys = {scope: _signing_key(self._secret_key, scope)}
        return _sign(
            self._keys[scope],
            "\n".join(
                (
                    EVENT_ALGORITHM,
                    signed_at,
                    scope,
                    self._previous,
                    _sha256(encode_headers(date_header)),
                    _sha256(payload),
                )
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Authorization:
    """The fields of the Authorization header."""

    access_key: str
    scope: str
    region: str
    day: str
    signed_headers: tuple[str, ...]
    signature: str

    @classmethod
    def parse(cls, authorization: str) -> "_Authorization":
        algorithm, _, rest = authorization.partition(" ")
        if algorithm != ALGORITHM:
            raise SignatureRefusedError(
                "MissingAuthenticationTokenException", "Missing Authentication Token"
            )
        parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
        missing = [
            name for name in ("Credential", "SignedHeaders", "Signature") if name not in parts
        ]
        if missing:
            raise SignatureRefusedError(
                "IncompleteSignatureException",
                " ".join(f"Authorization header requires '{name}' parameter." for name in missing),
            )
        access_key, _, scope = parts["Credential"].partition("/")
        day, region = _check_scope(scope)
        return cls(
            access_key=access_key,
            scope=scope,
            region=region,
            day=day,
            signed_headers=tuple(parts["SignedHeaders"].split(";")),
            signature=parts["Signature"],
        )


def _check_scope(scope: str) -> tuple[str, str]:
    """Return date and region of a credential scope."""
    day, _, rest = scope.partition("/")
    region, _, rest = rest.partition("/")
    if not region:
        problem = "Credential should be scoped to a valid region."
    elif rest != f"{SERVICE}/aws4_request":
        problem = f"Credential should be scoped to correct service: '{SERVICE}'."
    else:
        return day, region
    raise SignatureRefusedError("InvalidSignatureException", problem)


def _check_date(authorization: _Authorization, headers: Mapping[str, str], now: dt.datetime) -> str:
    """Return the request's signing date after checking the clock skew."""
    signed_at = headers.get("x-amz-date", "")
    _check_skew(signed_at, now)
    if authorization.day != signed_at[:8]:
        raise SignatureRefusedError(
            "InvalidSignatureException",
            f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date "
            f"from HTTP: '{authorization.day}' != '{signed_at[:8]}', from '{signed_at}'.",
        )
    return signed_at


def _check_skew(signed_at: str, now: dt.datetime) -> None:
    date = _parsed(signed_at)
    earliest, latest = now - MAX_SKEW, now + MAX_SKEW
    if date < earliest.replace(microsecond=0):
        problem = f"Signature expired: {signed_at} is now earlier than {_compact(earliest)}"
        problem += f" ({_compact(now)} - 5 min.)"
    elif date > latest:
        problem = f"Signature not yet current: {signed_at} is still later than {_compact(latest)}"
        problem += f" ({_compact(now)} + 5 min.)"
    else:
        return
    raise SignatureRefusedError("InvalidSignatureException", problem)


def _parsed(signed_at: str) -> dt.datetime:
    try:
        if len(signed_at) == len("20260101T000000Z"):
            return dt.datetime.strptime(signed_at, "%Y%m%dT%H%M%S%z")
    except ValueError:
        pass
    raise SignatureRefusedError(
        "IncompleteSignatureException",
        f"Date must be in ISO-8601 'basic format'. Got '{signed_at}'.",
    )


def _check_signed_headers(authorization: _Authorization, headers: Mapping[str, str]) -> None:
    """Reject a signature that omits the host or an x-amz header."""
    if not {"host", ":authority"} & set(authorization.signed_headers):
        problem = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        raise SignatureRefusedError("InvalidSignatureException", problem)
    for name in headers:
        if name.startswith("x-amz-") and name not in authorization.signed_headers:
            raise SignatureRefusedError("InvalidSignatureException", MISMATCH)


def _folded(headers: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return headers by lower-case name, repeated ones joined.

    `host` and `:authority` name the same value: over HTTP/2 most SDKs sign `host` without sending it,
    and the AWS SDK for JavaScript v3 signs `:authority` (measured with 3.1164).
    """
    folded: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        tidy = " ".join(value.split())
        folded[key] = f"{folded[key]},{tidy}" if key in folded else tidy
    if ":authority" in folded:
        folded["host"] = folded[":authority"]
    return folded


def _canonical(
    request: SignedRequest, headers: Mapping[str, str], authorization: _Authorization
) -> str:
    path, _, query = request.target.partition("?")
    return "\n".join(
        (
            request.method,
            quote(_without_dots(path), safe="/-_.~"),
            _canonical_query(query),
            *(f"{name}:{headers.get(name, '')}" for name in authorization.signed_headers),
            "",
            ";".join(authorization.signed_headers),
            headers.get("x-amz-content-sha256", EVENTS_PAYLOAD_HASH),
        )
    )


def _without_dots(path: str) -> str:
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del kept[-1:]
        elif part not in ("", "."):
            kept.append(part)
    slash = "/" if kept and path.endswith("/") else ""
    return "/" + "/".join(kept) + slash


def _canonical_query(query: str) -> str:
    pairs = (part.partition("=")[::2] for part in query.split("&") if part)
    encoded = ((quote(unquote(k), safe="-_.~"), quote(unquote(v), safe="-_.~")) for k, v in pairs)
    return "&".join(f"{key}={value}" for key, value in sorted(encoded))


def _signing_key(secret_key: str, scope: str) -> bytes:
    key = b"AWS4" + secret_key.encode()
    for part in scope.split("/"):
        key = _sign(key, part)
    return key


def _sign(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _compact(moment: dt.datetime) -> str:
    return moment.strftime("%Y%m%dT%H%M%SZ")


def _moment(date: Timestamp) -> dt.datetime:
    try:
        return dt.datetime.fromtimestamp(date.ms // 1000, dt.UTC)
    except (OverflowError, OSError, ValueError):
        raise SignatureRefusedError(
            "InvalidSignatureException", f"A date of {date.ms} ms."
        ) from None


def _only_message(payload: bytes) -> Message:
    """Return the one message inside a signed event."""
    decoder = Decoder()
    decoder.receive_data(payload)
    message = decoder.next_message()
    decoder.receive_eof()
    if message is None:
        raise FramingError("a signed event that holds no whole message")
    return message
