"""Credentials come from botocore's chain, in a thread, and are cached."""

import asyncio
import copy
import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import botocore.exceptions
import botocore.session
import pytest
from botocore.credentials import RefreshableCredentials

from common import clock as wall_clock
from voice.sonic.credentials import CredentialsResolver, FrozenIdentity
from voice.sonic.errors import TransportCode, TransportError

pytestmark = pytest.mark.wire  # threads, files and a process

PAST, FAR = "2001-01-01T00:00:00+00:00", "2099-01-01T00:00:00+00:00"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Session:
    """A botocore session whose credentials are numbered by renewal."""

    def __init__(self, expires: str = FAR, error: Exception | None = None) -> None:
        self.expires = self.renewal_expires = expires
        self.error = error
        self.looked = 0
        self.threads: set[int] = set()

    def __call__(self) -> "Session":
        return self

    def get_credentials(self) -> RefreshableCredentials:
        self.looked += 1
        self.threads.add(threading.get_ident())
        if self.error:
            raise self.error
        return RefreshableCredentials.create_from_metadata(
            self._metadata("", self.expires),
            lambda: self._metadata(", renewed", self.renewal_expires),
            "a test",
        )

    def _metadata(self, remark: str, expires: str) -> dict[str, str]:
        return {
            "access_key": f"AKID{self.looked}{remark}",
            "secret_key": "secret",
            "token": "token",
            "expiry_time": expires,
        }


def key_of(resolver: CredentialsResolver) -> str:
    return asyncio.run(resolver.get_identity(properties={})).access_key_id


def test_resolver_returns_botocore_credentials() -> None:
    identity = asyncio.run(CredentialsResolver(Session()).get_identity(properties={}))
    assert (identity.access_key_id, identity.secret_access_key, identity.session_token) == (
        *("AKID1", "secret", "token"),
    )


async def test_credentials_are_cached_for_a_minute() -> None:
    session, clock = Session(), Clock()
    resolver = CredentialsResolver(session, clock)
    for now, looked in ((0.0, 1), (59.9, 1), (60.0, 2), (119.9, 2), (120.0, 3)):
        clock.now = now
        await resolver.get_identity(properties={})
        assert session.looked == looked


async def test_short_credentials_are_cached_for_half_their_life() -> None:
    soon = (wall_clock.now() + timedelta(seconds=40)).isoformat()
    session, clock = Session(expires=soon), Clock()
    resolver = CredentialsResolver(session, clock)
    for now, looked in ((0.0, 1), (19.0, 1), (20.0, 2)):
        clock.now = now
        await resolver.get_identity(properties={})
        assert session.looked == looked


async def test_concurrent_lookups_share_one_search() -> None:
    session = Session()
    resolver = CredentialsResolver(session, Clock())
    await asyncio.gather(*(resolver.get_identity(properties={}) for _ in range(50)))
    assert session.looked == 1


async def test_lookup_does_not_block_the_event_loop() -> None:
    session = Session()
    await CredentialsResolver(session).get_identity(properties={})
    assert threading.get_ident() not in session.threads


async def test_invalidated_credentials_are_looked_up_again() -> None:
    session = Session()
    resolver = CredentialsResolver(session, Clock())
    await resolver.get_identity(properties={})
    await resolver.invalidate()
    assert (await resolver.get_identity(properties={})).access_key_id == "AKID2"


async def test_expired_credentials_are_renewed_by_botocore() -> None:
    session = Session(expires=PAST)
    session.renewal_expires = FAR
    resolver = CredentialsResolver(session, Clock())
    assert (await resolver.get_identity(properties={})).access_key_id == "AKID1, renewed"


async def test_renewal_without_newer_credentials_is_missing() -> None:
    session = Session(expires=PAST)
    session.renewal_expires = PAST
    with pytest.raises(TransportError) as caught:
        await CredentialsResolver(session).get_identity(properties={})
    assert caught.value.code is TransportCode.CREDENTIALS_MISSING


@pytest.mark.parametrize(
    "error",
    [
        botocore.exceptions.ProfileNotFound(profile="nobody"),
        botocore.exceptions.CredentialRetrievalError(provider="container", error_msg="no"),
        botocore.exceptions.PartialCredentialsError(provider="env", cred_var="secret"),
        botocore.exceptions.ClientError({"Error": {"Code": "AccessDenied"}}, "AssumeRole"),
        FileNotFoundError("no such process"),
    ],
)
async def test_failing_chain_raises_credentials_missing(error: Exception) -> None:
    with pytest.raises(TransportError) as caught:
        await CredentialsResolver(Session(error=error)).get_identity(properties={})
    assert caught.value.code is TransportCode.CREDENTIALS_MISSING
    assert not caught.value.retryable


@pytest.fixture
def bare_environment(tmp_path: Path) -> Iterator[Path]:
    """An environment in which botocore finds only what the test sets."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    os.environ["AWS_CONFIG_FILE"] = str(tmp_path / "config")
    os.environ["AWS_SHARED_CREDENTIALS_FILE"] = str(tmp_path / "credentials")
    yield tmp_path
    os.environ.clear()
    os.environ.update(before)


def test_empty_chain_raises_credentials_missing(bare_environment: Path) -> None:
    with pytest.raises(TransportError) as caught:
        key_of(CredentialsResolver())
    assert caught.value.code is TransportCode.CREDENTIALS_MISSING


def test_credentials_come_from_the_environment(bare_environment: Path) -> None:
    os.environ.update(AWS_ACCESS_KEY_ID="AKIDENV", AWS_SECRET_ACCESS_KEY="s")
    assert key_of(CredentialsResolver()) == "AKIDENV"


def test_credentials_come_from_a_profile(bare_environment: Path) -> None:
    (bare_environment / "credentials").write_text(
        "[clinic]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = s\n"
    )
    os.environ["AWS_PROFILE"] = "clinic"
    assert key_of(CredentialsResolver()) == "AKIDPROFILE"


def test_credentials_come_from_a_process(bare_environment: Path) -> None:
    answer = '{"Version": 1, "AccessKeyId": "AKIDPROCESS", "SecretAccessKey": "s"}'
    (bare_environment / "answer.json").write_text(answer)
    (bare_environment / "config").write_text(
        f"[default]\ncredential_process = cat {bare_environment / 'answer.json'}\n"
    )
    assert key_of(CredentialsResolver()) == "AKIDPROCESS"


async def test_frozen_identity_never_changes() -> None:
    resolver = CredentialsResolver(Session(), Clock())
    frozen = FrozenIdentity(await resolver.get_identity(properties={}))
    await resolver.invalidate()
    await resolver.get_identity(properties={})
    assert (await frozen.get_identity(properties={})).access_key_id == "AKID1"


def test_copy_of_resolver_is_the_same_object() -> None:
    resolver = CredentialsResolver(botocore.session.get_session)
    assert copy.deepcopy(resolver) is resolver
