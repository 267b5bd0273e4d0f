"""SigV4 on requests and events, judged by botocore's signer, the SDK's and a published vector."""

import datetime as dt
import hashlib
import hmac
from dataclasses import replace

import pytest
from aws_sdk_signers import AsyncEventSigner, AWSCredentialIdentity, SigV4SigningProperties
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from smithy_aws_event_stream.events import EventHeaderEncoder, EventMessage

from nova_sonic_simulator.protocol.eventstream import (
    Decoder,
    FramingError,
    HeaderValue,
    Message,
    Timestamp,
    encode,
)
from nova_sonic_simulator.protocol.signatures import (
    EVENTS_PAYLOAD_HASH,
    Credentials,
    CredentialStore,
    EventVerifier,
    SignatureRefusedError,
    SignedRequest,
    verify_request,
)
from support.raw_client import EventSigner

pytestmark = pytest.mark.pure

PATH = "/model/amazon.nova-2-sonic-v1%3A0/invoke-with-bidirectional-stream"
KEYS = Credentials(access_key="local", secret_key="local")
SESSION_END = Message(
    {":message-type": "event", ":event-type": "chunk", ":content-type": "application/json"},
    b'{"bytes":"eyJldmVudCI6eyJzZXNzaW9uRW5kIjp7fX19"}',
)


def signed_by_botocore(
    *, keys: Credentials = KEYS, service: str = "bedrock", target: str = PATH
) -> tuple[SignedRequest, dt.datetime]:
    """Return a request signed by botocore, and the moment it says it was signed at."""
    request = AWSRequest(
        "POST",
        "https://127.0.0.1:8443" + target,
        headers={
            "content-type": "application/vnd.amazon.eventstream",
            "X-Amz-Content-SHA256": EVENTS_PAYLOAD_HASH,
        },
    )
    identity = BotocoreCredentials(keys.access_key, keys.secret_key, keys.session_token)
    SigV4Auth(identity, service, "us-east-1").add_auth(request)
    headers = [(":authority", "127.0.0.1:8443"), *request.headers.items()]
    signed_at = dt.datetime.strptime(request.headers["X-Amz-Date"], "%Y%m%dT%H%M%S%z")
    return SignedRequest(method="POST", target=target, headers=headers), signed_at


def with_header(request: SignedRequest, name: str, value: str | None) -> SignedRequest:
    kept = [pair for pair in request.headers if pair[0].lower() != name]
    return replace(request, headers=kept if value is None else [*kept, (name, value)])


def authorization(request: SignedRequest) -> str:
    return dict(request.headers)["Authorization"]


def refusal(request: SignedRequest, now: dt.datetime, keys: Credentials = KEYS) -> tuple[str, str]:
    with pytest.raises(SignatureRefusedError) as caught:
        verify_request(request, CredentialStore(keys), now=now)
    return caught.value.code, caught.value.message


@pytest.mark.parametrize("target", [PATH, PATH + "?", PATH + "?b=2&a=%2F1&c", "/a/../model//x/"])
def test_a_request_signed_by_botocore_is_accepted(target: str) -> None:
    request, now = signed_by_botocore(target=target)
    verify_request(request, CredentialStore(KEYS), now=now)


def test_a_session_token_is_accepted_only_where_it_is_the_one_given_out() -> None:
    temporary = replace(KEYS, session_token="token")
    request, now = signed_by_botocore(keys=temporary)
    verify_request(request, CredentialStore(temporary), now=now)
    for keys in (KEYS, replace(KEYS, session_token="other")):
        assert refusal(request, now, keys)[0] == "UnrecognizedClientException"


def test_a_token_outside_the_signature_is_refused() -> None:
    temporary = replace(KEYS, session_token="token")
    request, now = signed_by_botocore()
    sneaked_in = with_header(request, "x-amz-security-token", "token")
    assert refusal(sneaked_in, now, temporary)[0] == "InvalidSignatureException"


def test_an_unknown_access_key_is_refused_in_aws_words() -> None:
    request, now = signed_by_botocore(keys=Credentials(access_key="other", secret_key="local"))
    assert refusal(request, now) == (
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    )


def test_a_wrong_secret_key_is_refused_in_aws_words() -> None:
    request, now = signed_by_botocore(keys=Credentials(access_key="local", secret_key="other"))
    code, message = refusal(request, now)
    assert code == "InvalidSignatureException"
    assert message.startswith("The request signature we calculated does not match the signature")


@pytest.mark.parametrize("changed", ["content-type", "x-amz-date", ":authority"])
def test_a_changed_header_breaks_the_signature(changed: str) -> None:
    request, now = signed_by_botocore()
    value = now.strftime("%Y%m%dT235959Z") if changed == "x-amz-date" else "other"
    now = now.replace(hour=23, minute=59, second=59)
    assert refusal(with_header(request, changed, value), now)[0] == "InvalidSignatureException"


def test_a_changed_path_breaks_the_signature() -> None:
    request, now = signed_by_botocore()
    other = replace(request, target=PATH.replace("%3A", ":"))
    assert refusal(other, now)[0] == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("minutes", "problem"), [(5, None), (-5, None), (6, "expired"), (-6, "not yet current")]
)
def test_a_request_may_be_five_minutes_old_or_early_and_not_more(
    minutes: int, problem: str | None
) -> None:
    request, signed_at = signed_by_botocore()
    now = signed_at + dt.timedelta(minutes=minutes)
    if problem is None:
        verify_request(request, CredentialStore(KEYS), now=now)
    else:
        assert problem in refusal(request, now)[1]


def test_another_service_in_the_scope_is_refused() -> None:
    request, now = signed_by_botocore(service="execute-api")
    assert "correct service: 'bedrock'" in refusal(request, now)[1]


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "MissingAuthenticationTokenException"),
        ("Bearer key", "MissingAuthenticationTokenException"),
        ("AWS4-HMAC-SHA256 Credential=local/x", "IncompleteSignatureException"),
        ("AWS4-HMAC-SHA256 Credential=local, SignedHeaders=host, Signature=0", "InvalidSignature"),
        ("AWS4-HMAC-SHA256 ñ", "IncompleteSignatureException"),
    ],
)
def test_an_authorization_that_is_none_is_refused(header: str | None, code: str) -> None:
    request, now = signed_by_botocore()
    assert refusal(with_header(request, "authorization", header), now)[0].startswith(code)


@pytest.mark.parametrize(
    ("part", "other"),
    [("SignedHeaders=", "SignedHeaders=host;ñ;"), ("Signature=", "Signature=ñ"), (";host", "")],
)
def test_an_authorization_that_lies_is_refused(part: str, other: str) -> None:
    request, now = signed_by_botocore()
    lie = authorization(request).replace(part, other, 1)
    assert refusal(with_header(request, "authorization", lie), now)[0] == (
        "InvalidSignatureException"
    )


@pytest.mark.parametrize("date", ["", "yesterday", "20260101T000000", "2026-01-01T00:00:00Z"])
def test_a_date_that_is_none_is_refused(date: str) -> None:
    request, now = signed_by_botocore()
    assert refusal(with_header(request, "x-amz-date", date), now)[0] == (
        "IncompleteSignatureException"
    )


class TestEvents:
    """The chain of signed events."""

    SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    MIDNIGHT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    SIGNATURES = (
        "2a89536ccf70723107fd939195d3743ff5746bf4e607412f071ea35ede9edf6f",
        "1a0b4890f9ed4806748799f007b6eaeda415fd4411c36277b4bc6f97bc8fa932",
    )

    def verifier(self) -> EventVerifier:
        return EventVerifier(self.SECRET, "us-east-1", "0" * 64)

    def published(self) -> tuple[Message, Message]:
        date = Timestamp(int(self.MIDNIGHT.timestamp()) * 1000)
        event, end = (
            Message({":date": date, ":chunk-signature": bytes.fromhex(signature)}, payload)
            for signature, payload in zip(self.SIGNATURES, (encode(SESSION_END), b""), strict=True)
        )
        return event, end

    def test_the_published_event_and_end_are_accepted(self) -> None:
        verifier, (event, end) = self.verifier(), self.published()
        assert [len(encode(event)), len(encode(end))] == [222, 83]
        assert verifier.unwrap(event, now=self.MIDNIGHT) == SESSION_END
        assert verifier.unwrap(end, now=self.MIDNIGHT) is None
        assert verifier.ended

    @pytest.mark.parametrize("fault", ["swapped", "repeated", "altered", "other key"])
    def test_a_broken_chain_is_refused(self, fault: str) -> None:
        verifier, (event, end) = self.verifier(), self.published()
        if fault == "repeated":
            verifier.unwrap(event, now=self.MIDNIGHT)
        elif fault == "swapped":
            event = end
        elif fault == "altered":
            event = replace(event, payload=encode(replace(SESSION_END, payload=b"{}")))
        else:
            verifier = EventVerifier("other", "us-east-1", "0" * 64)
        with pytest.raises(SignatureRefusedError, match="does not match"):
            verifier.unwrap(event, now=self.MIDNIGHT)

    def test_nothing_may_follow_the_signed_end(self) -> None:
        verifier, events = self.verifier(), self.published()
        for event in events:
            verifier.unwrap(event, now=self.MIDNIGHT)
        with pytest.raises(SignatureRefusedError, match="after the signed end"):
            verifier.unwrap(events[0], now=self.MIDNIGHT)

    @pytest.mark.parametrize("headers", [{}, {":date": 1, ":chunk-signature": b""}])
    def test_an_unsigned_event_is_refused(self, headers: dict[str, HeaderValue]) -> None:
        with pytest.raises(SignatureRefusedError, match="not signed"):
            self.verifier().unwrap(Message(headers, encode(SESSION_END)), now=self.MIDNIGHT)

    def test_an_event_may_be_five_minutes_old_and_not_more(self) -> None:
        event, _ = self.published()
        assert self.verifier().unwrap(event, now=self.MIDNIGHT + dt.timedelta(minutes=5))
        with pytest.raises(SignatureRefusedError, match="expired"):
            self.verifier().unwrap(event, now=self.MIDNIGHT + dt.timedelta(minutes=5, seconds=1))

    def test_an_event_of_an_impossible_date_is_refused(self) -> None:
        event = Message({":date": Timestamp(2**63 - 1), ":chunk-signature": bytes(32)}, b"x")
        with pytest.raises(SignatureRefusedError):
            self.verifier().unwrap(event, now=self.MIDNIGHT)

    def test_a_signed_event_contains_exactly_one_message(self) -> None:
        for payload in (b"x", encode(SESSION_END)[:-1], encode(SESSION_END) * 2):
            with pytest.raises(FramingError):
                self.verifier().unwrap(self.signed(payload), now=self.MIDNIGHT)

    def signed(self, payload: bytes) -> Message:
        signer, decoder = EventSigner(self.SECRET, "0" * 64), Decoder()
        decoder.receive_data(signer.sign(payload, moment_s=self.MIDNIGHT.timestamp()))
        event = decoder.next_message()
        assert event is not None
        return event

    async def test_a_chain_signed_by_the_sdk_is_accepted(self) -> None:
        signer = AsyncEventSigner(initial_signature=b"0" * 64, event_encoder_cls=EventHeaderEncoder)
        identity = AWSCredentialIdentity(
            access_key_id="local", secret_access_key=self.SECRET, session_token=None
        )
        properties = SigV4SigningProperties(region="us-east-1", service="bedrock")
        headers = {name: str(value) for name, value in SESSION_END.headers.items()}
        inner = EventMessage(headers=headers, payload=SESSION_END.payload)
        decoder, verifier = Decoder(), self.verifier()
        for message in (
            await signer.sign(event=inner, identity=identity, properties=properties),
            await signer.sign_empty(event=EventMessage(), identity=identity, properties=properties),
        ):
            decoder.receive_data(message.encode())
        event, end = decoder.next_message(), decoder.next_message()
        assert event is not None
        assert end is not None
        date = event.headers[":date"]
        assert isinstance(date, Timestamp)
        now = dt.datetime.fromtimestamp(date.ms / 1000, dt.UTC)
        assert verifier.unwrap(event, now=now) == SESSION_END
        assert verifier.unwrap(end, now=now) is None


class TestIdentities:
    """Whom the service knows, after it was told of others."""

    FIRST = Credentials(access_key="first", secret_key="s", session_token="t1")
    SECOND = Credentials(access_key="second", secret_key="s", session_token="t2")

    def refused(self, identities: CredentialStore, keys: Credentials) -> str:
        with pytest.raises(SignatureRefusedError) as caught:
            identities.check(keys.access_key, keys.session_token)
        return caught.value.code

    @pytest.mark.parametrize(
        ("expire", "code"),
        [(True, "ExpiredTokenException"), (False, "UnrecognizedClientException")],
    )
    def test_only_the_newest_is_accepted(self, expire: bool, code: str) -> None:
        identities = CredentialStore(self.FIRST)
        identities.change(self.SECOND, expire=expire)
        identities.check("second", "t2")
        assert self.refused(identities, self.FIRST) == code

    def test_a_token_alone_may_be_new(self) -> None:
        identities = CredentialStore(self.FIRST)
        identities.change(replace(self.FIRST, session_token="t9"), expire=True)
        identities.check("first", "t9")
        assert self.refused(identities, self.FIRST) == "ExpiredTokenException"

    def test_what_expired_may_be_given_out_again_and_the_first_restored(self) -> None:
        identities = CredentialStore(self.FIRST)
        for keys in (self.SECOND, self.FIRST):
            identities.change(keys, expire=True)
        identities.check("first", "t1")
        identities.change(self.SECOND, expire=True)
        identities.restore()
        identities.check("first", "t1")
        assert self.refused(identities, self.SECOND) == "UnrecognizedClientException"


def signed_over_authority(authority: str) -> tuple[SignedRequest, dt.datetime]:
    """Sign a request as the AWS SDK for JavaScript v3 does: `:authority`, and no `host`."""
    now = dt.datetime(2026, 11, 23, 10, 0, tzinfo=dt.UTC)
    date, scope = "20261123T100000Z", "20261123/us-east-1/bedrock/aws4_request"
    names = ":authority;x-amz-content-sha256;x-amz-date"
    payload_hash = "STREAMING-AWS4-HMAC-SHA256-EVENTS"
    headers = f":authority:{authority}\nx-amz-content-sha256:{payload_hash}\nx-amz-date:{date}\n"
    canonical = f"POST\n{PATH.replace('%', '%25')}\n\n{headers}\n{names}\n{payload_hash}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = b"AWS4local"
    for part in (*scope.split("/"), f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{digest}"):
        key = hmac.digest(key, part.encode(), "sha256")
    credential = f"Credential=local/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    fields = [
        (":authority", authority),
        ("authorization", f"AWS4-HMAC-SHA256 {credential}"),
        ("x-amz-content-sha256", payload_hash),
        ("x-amz-date", date),
    ]
    return SignedRequest(method="POST", target=PATH, headers=fields), now


def test_request_signed_over_authority_is_accepted() -> None:
    request, now = signed_over_authority("127.0.0.1:8443")
    verify_request(request, CredentialStore(KEYS), now=now)


def test_request_signed_over_another_authority_is_refused() -> None:
    request, now = signed_over_authority("127.0.0.1:8443")
    other = replace(request, headers=[(":authority", "other"), *request.headers[1:]])
    assert refusal(other, now)[0] == "InvalidSignatureException"
