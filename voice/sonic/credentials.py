"""AWS credentials from botocore's chain, behind the SDK's interface.

The SDK's own chain supports no container, instance or web identity without more packages, and it
asks its resolver once per frame. Here botocore finds the credentials (environment, profile,
assumed role, web identity, container, instance) in a thread, because it may use the network. They
are cached for a minute. A stream signs all its frames with the credentials it began with
(`FrozenIdentity`), since its signatures are a chain.

botocore renews temporary credentials at least ten minutes before they expire. With a cache of one
minute, a stream begins with at least nine minutes left, and the service ends every stream after
eight. If renewal fails, or the source gives shorter credentials, they are cached for at most half
of their remaining time, and the call rotates to another session before they expire
(`voice.calls.engine.rotation`).
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Self

import botocore.session
from smithy_aws_core.identity import AWSCredentialsIdentity, AWSIdentityProperties
from smithy_core.aio.interfaces.identity import IdentityResolver

from voice.sonic.errors import TransportCode, TransportError

_CACHE_S = 60.0

type AwsIdentityResolver = IdentityResolver[AWSCredentialsIdentity, AWSIdentityProperties]


class CredentialsResolver(IdentityResolver[AWSCredentialsIdentity, AWSIdentityProperties]):
    """Finds credentials through botocore and caches them for a minute."""

    def __init__(
        self,
        new_session: Callable[[], Any] = botocore.session.get_session,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._new_session = new_session
        self._clock = clock
        self._session: Any = None
        self._identity: AWSCredentialsIdentity | None = None
        self._cached_until = 0.0
        self._lookup = asyncio.Lock()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # the SDK copies its configuration; there is one cache

    async def get_identity(
        self,
        *,
        properties: AWSIdentityProperties,  # noqa: ARG002 -- the SDK's interface
    ) -> AWSCredentialsIdentity:
        """Return credentials. Raises TransportError(credentials_missing) if there are none."""
        async with self._lookup:
            if self._identity is None or self._clock() >= self._cached_until:
                self._identity = await asyncio.to_thread(self._find)
                self._cached_until = self._clock() + _cache_s(self._identity)
            return self._identity

    async def invalidate(self) -> None:
        """Empty the cache: the service has refused the credentials."""
        self._identity = None
        self._session = None

    def _find(self) -> AWSCredentialsIdentity:
        try:
            self._session = self._session or self._new_session()
            found = self._session.get_credentials()
            frozen = found and found.get_frozen_credentials()
        except Exception as error:  # the chain runs processes, reads files, uses the network
            raise TransportError(
                TransportCode.CREDENTIALS_MISSING, f"no AWS credentials: {error}"
            ) from error
        if not frozen or not frozen.access_key or not frozen.secret_key:
            raise TransportError(TransportCode.CREDENTIALS_MISSING, "no AWS credentials found")
        return AWSCredentialsIdentity(
            access_key_id=frozen.access_key,
            secret_access_key=frozen.secret_key,
            session_token=frozen.token,
            # botocore has no public name for it; static credentials do not have it at all.
            expiration=getattr(found, "_expiry_time", None),
        )


def _cache_s(identity: AWSCredentialsIdentity) -> float:
    """Return how long to cache `identity`, in seconds."""
    if identity.expiration is None:
        return _CACHE_S
    return min(_CACHE_S, (identity.expiration.timestamp() - time.time()) / 2)


class FrozenIdentity(IdentityResolver[AWSCredentialsIdentity, AWSIdentityProperties]):
    """Resolves to the same credentials as long as a stream lives."""

    def __init__(self, identity: AWSCredentialsIdentity) -> None:
        self._identity = identity

    async def get_identity(
        self,
        *,
        properties: AWSIdentityProperties,  # noqa: ARG002 -- the SDK's interface
    ) -> AWSCredentialsIdentity:
        """Return the credentials."""
        return self._identity
