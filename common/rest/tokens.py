"""Bearer tokens (JWT) of the REST API: authentication with them, and issuing them to users.

Two kinds are accepted:

- The server's own tokens are signed with its secret (HS256) and name a user of this site, whose
  permissions apply. A process without the users' database (`API_TOKEN_USERS` is false: the Lambda
  function) applies the permissions that the user had when the token was issued.
- The tokens of an external issuer (an OpenID provider such as Cognito) are signed with a key that it
  publishes (JWKS), must have an accepted audience (`aud`, or Cognito's `client_id`), and name groups.
  The permissions of this site's roles with those names apply.

Each kind allows its own algorithms only; the token does not choose.
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

OWN_ISSUER = "nova-sonic"
OWN_AUDIENCE = "nova-sonic-api"
OWN_ALGORITHM = "HS256"
ISSUER_ALGORITHMS = ("RS256", "ES256")
REQUIRED_CLAIMS = ("exp", "iat", "iss", "sub")
LEEWAY_S = 10
JWKS_TIMEOUT_S = 3.0
MAX_TOKEN_LENGTH = 8192


@dataclass(frozen=True, slots=True)
class TokenUser:
    """A user who has no account in this process's database, only what the token says of them.

    Attributes:
        roles: Names of this site's groups, for an external issuer's token.
        permissions: Names such as "orders.view_order", for a token of this server.

    """

    issuer: str
    subject: str
    roles: tuple[str, ...] = ()
    permissions: frozenset[str] = frozenset()

    is_active: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False
    is_authenticated: ClassVar[bool] = True
    is_staff: ClassVar[bool] = True
    is_superuser: ClassVar[bool] = False

    @property
    def pk(self) -> str:
        """An id that is unique among all users."""
        return f"{self.issuer}#{self.subject}"

    @override
    def __str__(self) -> str:
        return self.subject

    def get_username(self) -> str:
        """Return the user's name: the subject."""
        return self.subject

    def has_perm(self, permission: str, _record: object = None) -> bool:
        """Whether the user or one of their roles has this permission, e.g. "orders.view_order"."""
        if permission in self.permissions or not self.roles:
            return permission in self.permissions
        app, _, codename = permission.partition(".")
        return Permission.objects.filter(
            group__name__in=self.roles, content_type__app_label=app, codename=codename
        ).exists()


class BearerAuthentication(BaseAuthentication):
    """Authenticates requests with `Authorization: Bearer …`, and ignores all others."""

    @override
    def authenticate(self, request: Request) -> tuple[Any, dict[str, Any]] | None:
        """Return the token's user and its claims.

        Raises:
            AuthenticationFailed: the token is invalid, expired, forged, or has another audience.
            UnavailableError: the issuer's keys can't be loaded.

        """
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        if not token or len(token) > MAX_TOKEN_LENGTH:
            raise AuthenticationFailed
        try:
            return _authenticated(token.strip())
        except jwt.PyJWKClientConnectionError as error:
            raise UnavailableError(reason="issuer_unreachable") from error
        except (jwt.PyJWTError, ValueError) as error:
            message = gettext_lazy(
                "The token can't be used: it is broken, expired, or not meant for us."
            )
            raise AuthenticationFailed(message) from error

    @override
    def authenticate_header(self, request: Request) -> str:
        """Return the `WWW-Authenticate` header of a 401 response."""
        return 'Bearer realm="api"'


def issue_token(
    username: str, *, now: datetime, lifetime: timedelta, permissions: Iterable[str] = ()
) -> str:
    """Return a token of this server for one of its users.

    Args:
        username: The user, whose permissions of the moment of a request apply.
        now: When it is issued.
        lifetime: How long it is valid.
        permissions: Those that apply where the user can't be looked up.

    """
    claims = {
        "iss": OWN_ISSUER,
        "aud": OWN_AUDIENCE,
        "sub": username,
        "iat": int(now.timestamp()),
        "exp": int((now + lifetime).timestamp()),
        "permissions": sorted(permissions),
    }
    return jwt.encode(claims, signing_secret(), algorithm=OWN_ALGORITHM)


def _authenticated(token: bytes) -> tuple[Any, dict[str, Any]]:
    if jwt.get_unverified_header(token).get("alg") == OWN_ALGORITHM:
        return _authenticated_by_own_token(token)
    return _authenticated_by_issuer(token)


def _authenticated_by_own_token(token: bytes) -> tuple[Any, dict[str, Any]]:
    claims = jwt.decode(
        token,
        signing_secret(),
        algorithms=[OWN_ALGORITHM],
        issuer=OWN_ISSUER,
        audience=OWN_AUDIENCE,
        leeway=LEEWAY_S,
        options={"require": [*REQUIRED_CLAIMS, "aud"]},
    )
    if not settings.API_TOKEN_USERS:
        return _user_of_own_token(claims), claims
    user = get_user_model()._default_manager.filter(username=claims["sub"]).first()  # noqa: SLF001 -- documented by Django
    if user is None or not user.is_active:
        raise jwt.InvalidTokenError("no such user")
    return user, claims


def _user_of_own_token(claims: dict[str, Any]) -> TokenUser:
    """Return the user as the token describes them; a token without permissions is no staff member's."""
    permissions = frozenset(_texts(claims.get("permissions")))
    if not permissions:
        raise jwt.InvalidTokenError("no permissions")
    return TokenUser(claims["iss"], claims["sub"], permissions=permissions)


def _authenticated_by_issuer(token: bytes) -> tuple[TokenUser, dict[str, Any]]:
    if not settings.API_JWT_JWKS_URL:
        raise jwt.InvalidIssuerError("no issuer is configured")
    key = _jwks_client(settings.API_JWT_JWKS_URL).get_signing_key_from_jwt(token)
    claims = jwt.decode(
        token,
        key,
        algorithms=ISSUER_ALGORITHMS,
        issuer=settings.API_JWT_ISSUER,
        leeway=LEEWAY_S,
        options={"require": list(REQUIRED_CLAIMS), "verify_aud": False},
    )
    # Cognito's access tokens have `client_id` instead of `aud`.
    audiences = _texts(claims.get("aud")) | _texts(claims.get("client_id"))
    if not audiences & set(settings.API_JWT_AUDIENCES):
        raise jwt.InvalidAudienceError("no accepted audience")
    # Cognito says what a token is for. Its ID tokens tell an application who logged in (OpenID Connect
    # Core, section 2): an application that has one may not use it here.
    if claims.get("token_use", "access") != "access":
        raise jwt.InvalidTokenError("no access token")
    roles = _texts(claims.get(settings.API_JWT_GROUPS_CLAIM))
    return TokenUser(claims["iss"], claims["sub"], tuple(sorted(roles))), claims


def _texts(claim: object) -> set[str]:
    """Return the texts of a claim that is one text or a list of them."""
    if isinstance(claim, str):
        return {claim}
    return (
        {each for each in claim if isinstance(each, str)} if isinstance(claim, Iterable) else set()
    )


@cache
def _jwks_client(url: str) -> jwt.PyJWKClient:
    return jwt.PyJWKClient(url, cache_keys=True, timeout=JWKS_TIMEOUT_S)


def signing_secret() -> str:
    """Return the secret of the server's own tokens: the setting, or a key made from SECRET_KEY."""
    if settings.API_JWT_SECRET:
        return str(settings.API_JWT_SECRET)
    return salted_hmac("common.tokens", "key", algorithm="sha256").hexdigest()
