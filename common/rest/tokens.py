"""Bearer tokens (JWT): who comes with one, and making one for a user of this site.

Two kinds are taken. *Ours* are signed with a secret of this server (HS256) and name a user, whose
permissions count. *An issuer's* (an OpenID provider such as Cognito) are signed with a key that it
publishes (JWKS), must be meant for us (`aud`, or Cognito's `client_id`), and name groups: the roles
of this site with those names. The algorithm is chosen by us, never by the token: each kind has its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, ClassVar, override

import jwt
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from common.errors import UnavailableError

OUR_ISSUER = "nova-sonic"
OUR_AUDIENCE = "nova-sonic-api"
OUR_ALGORITHM = "HS256"
ISSUER_ALGORITHMS = ("RS256", "ES256")
REQUIRED = ("exp", "iat", "iss", "sub")
LEEWAY_S = 10
JWKS_TIMEOUT_S = 3.0
LONGEST_TOKEN = 8192


@dataclass(frozen=True, slots=True)
class TokenUser:
    """Somebody whom the issuer vouches for. They have no account here, only the roles they name."""

    issuer: str
    subject: str
    roles: tuple[str, ...]

    is_active: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False
    is_authenticated: ClassVar[bool] = True
    is_staff: ClassVar[bool] = True
    is_superuser: ClassVar[bool] = False

    @property
    def pk(self) -> str:
        """What tells them from everybody else."""
        return f"{self.issuer}#{self.subject}"

    @override
    def __str__(self) -> str:
        return self.subject

    def get_username(self) -> str:
        """Return their name."""
        return self.subject

    def has_perm(self, permission: str, _record: object = None) -> bool:
        """Whether one of their roles has this permission ("orders.view_order")."""
        app, _, codename = permission.partition(".")
        return Permission.objects.filter(
            group__name__in=self.roles, content_type__app_label=app, codename=codename
        ).exists()


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer …`. A request without it is somebody else's business."""

    @override
    def authenticate(self, request: Request) -> tuple[Any, dict[str, Any]] | None:
        """Return who the token names, and its claims.

        Raises:
            AuthenticationFailed: the token is broken, expired, forged, or meant for others.
            UnavailableError: the issuer's keys can't be had.

        """
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        if not token or len(token) > LONGEST_TOKEN:
            raise AuthenticationFailed
        try:
            return _user_of(token.strip())
        except jwt.PyJWKClientConnectionError as error:
            raise UnavailableError(reason="issuer_unreachable") from error
        except (jwt.PyJWTError, ValueError) as error:
            message = gettext_lazy(
                "The token can't be used: it is broken, expired, or not meant for us."
            )
            raise AuthenticationFailed(message) from error

    @override
    def authenticate_header(self, request: Request) -> str:
        """Return what a 401 asks for."""
        return 'Bearer realm="api"'


def issue_token(username: str, *, now: datetime, good_for: timedelta) -> str:
    """Return a token of ours for a user of this site."""
    claims = {
        "iss": OUR_ISSUER,
        "aud": OUR_AUDIENCE,
        "sub": username,
        "iat": int(now.timestamp()),
        "exp": int((now + good_for).timestamp()),
    }
    return jwt.encode(claims, _secret(), algorithm=OUR_ALGORITHM)


def _user_of(token: bytes) -> tuple[Any, dict[str, Any]]:
    if jwt.get_unverified_header(token).get("alg") == OUR_ALGORITHM:
        return _ours(token)
    return _issuers(token)


def _ours(token: bytes) -> tuple[Any, dict[str, Any]]:
    claims = jwt.decode(
        token,
        _secret(),
        algorithms=[OUR_ALGORITHM],
        issuer=OUR_ISSUER,
        audience=OUR_AUDIENCE,
        leeway=LEEWAY_S,
        options={"require": [*REQUIRED, "aud"]},
    )
    user = get_user_model()._default_manager.filter(username=claims["sub"]).first()  # noqa: SLF001 -- Django's own word
    if user is None or not user.is_active:
        raise jwt.InvalidTokenError("no such user")
    return user, claims


def _issuers(token: bytes) -> tuple[TokenUser, dict[str, Any]]:
    if not settings.API_JWT_JWKS_URL:
        raise jwt.InvalidIssuerError("no issuer is configured")
    key = _keys(settings.API_JWT_JWKS_URL).get_signing_key_from_jwt(token)
    claims = jwt.decode(
        token,
        key,
        algorithms=ISSUER_ALGORITHMS,
        issuer=settings.API_JWT_ISSUER,
        leeway=LEEWAY_S,
        options={"require": list(REQUIRED), "verify_aud": False},
    )
    if not _meant_for(claims) & set(settings.API_JWT_AUDIENCES):
        raise jwt.InvalidAudienceError("meant for others")
    roles = _words(claims.get(settings.API_JWT_GROUPS_CLAIM))
    return TokenUser(claims["iss"], claims["sub"], tuple(sorted(roles))), claims


def _meant_for(claims: dict[str, Any]) -> set[str]:
    """Return whom the token is for. Cognito's access tokens say `client_id` instead of `aud`."""
    return _words(claims.get("aud")) | _words(claims.get("client_id"))


def _words(value: object) -> set[str]:
    if isinstance(value, str):
        return {value}
    return (
        {word for word in value if isinstance(word, str)} if isinstance(value, Iterable) else set()
    )


@cache
def _keys(url: str) -> jwt.PyJWKClient:
    return jwt.PyJWKClient(url, cache_keys=True, timeout=JWKS_TIMEOUT_S)


def _secret() -> str:
    """Return what our tokens are signed with: the setting, or a key made from the server's secret."""
    if settings.API_JWT_SECRET:
        return str(settings.API_JWT_SECRET)
    return salted_hmac("common.tokens", "key", algorithm="sha256").hexdigest()
