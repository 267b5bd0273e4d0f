"""AWS credentials from botocore's chain, as the SDK wants them.

The SDK's own chain knows no container, instance or web identity without further packages,
and asks its resolver for *every* frame. So: botocore finds the credentials (environment,
profile, assumed role, web identity, container, instance), in a thread because it may talk
to the network; the answer is kept for a minute; and a stream signs all its frames with the
one it began with (:class:`FrozenIdentity`), since its frames are a chain of signatures.

botocore renews temporary credentials ten minutes before they end at the latest. With a
minute of keeping, a stream begins with at least nine minutes left, and the service ends
every stream after eight. Where renewing fails, or a source gives shorter ones, none are kept
longer than half of what they last; their end is told with the stream, and the call moves to
another session before it (`voice.calls.rotation`).
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Self

import botocore.session
from smithy_aws_core.identity import AWSCredentialsIdentity, AWSIdentityProperties
from smithy_core.aio.interfaces.identity import IdentityResolver

from voice.sonic.errors import TransportCode, TransportError

_KEEP_S = 60.0

type AwsIdentityResolver = IdentityResolver[AWSCredentialsIdentity, AWSIdentityProperties]


class CredentialsResolver(IdentityResolver[AWSCredentialsIdentity, AWSIdentityProperties]):
    """Finds credentials through botocore and keeps them for a minute."""

    def __init__(
        self,
        new_session: Callable[[], Any] = botocore.session.get_session,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._new_session = new_session
        self._clock = clock
        self._session: Any = None
        self._identity: AWSCredentialsIdentity | None = None
        self._keep_until = 0.0
        self._looking = asyncio.Lock()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # the SDK copies its configuration; what is kept is kept once

    async def get_identity(
        self,
        *,
        properties: AWSIdentityProperties,  # noqa: ARG002 -- the SDK's interface
    ) -> AWSCredentialsIdentity:
        """Give credentials that last. Raises TransportError(credentials_missing)."""
        async with self._looking:
            if self._identity is None or self._clock() >= self._keep_until:
                self._identity = await asyncio.to_thread(self._look)
                self._keep_until = self._clock() + _keep_s(self._identity)
            return self._identity

    async def invalidate(self) -> None:
        """Forget what is kept: the service has refused it."""
        self._identity = None
        self._session = None

    def _look(self) -> AWSCredentialsIdentity:
        try:
            self._session = self._session or self._new_session()
            found = self._session.get_credentials()
            frozen = found and found.get_frozen_credentials()
        except Exception as error:  # a chain of many parts: processes, files, networks
            raise TransportError(
                TransportCode.CREDENTIALS_MISSING, f"no AWS credentials: {error}"
            ) from error
        if not frozen or not frozen.access_key or not frozen.secret_key:
            raise TransportError(TransportCode.CREDENTIALS_MISSING, "no AWS credentials found")
        return AWSCredentialsIdentity(
            access_key_id=frozen.access_key,
            secret_access_key=frozen.secret_key,
            session_token=frozen.token,
            # botocore has no public word for it; static credentials have none at all.
            expiration=getattr(found, "_expiry_time", None),
        )


def _keep_s(identity: AWSCredentialsIdentity) -> float:
    """Return how long credentials are kept."""
    if identity.expiration is None:
        return _KEEP_S
    return min(_KEEP_S, (identity.expiration.timestamp() - time.time()) / 2)


class FrozenIdentity(IdentityResolver[AWSCredentialsIdentity, AWSIdentityProperties]):
    """Gives the same credentials for as long as a stream lives."""

    def __init__(self, identity: AWSCredentialsIdentity) -> None:
        self._identity = identity

    async def get_identity(
        self,
        *,
        properties: AWSIdentityProperties,  # noqa: ARG002 -- the SDK's interface
    ) -> AWSCredentialsIdentity:
        """Give them."""
        return self._identity
