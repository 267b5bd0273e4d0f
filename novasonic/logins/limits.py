"""Limit failed logins, and the passwords that are checked at once.

A failure is counted before the password or code is checked, so that parallel guesses are counted, too, and is
taken back if it is right. Three counts apply to an attempt:

- account and address: `LOGIN_MAX_FAILURES`;
- address: four times as many, so that nobody tries one password on many accounts;
- account: ten times as many, against many addresses.

The last two are a way to lock others out. So a browser that has logged in to the account before has
a signed cookie, and a count of its own in their place (OWASP, "Slow down online guessing attacks with
device cookies"). A count expires `LOGIN_LOCK_MINUTES` after its last failure; refused attempts do not
prolong it.

Codes of the second factor (`novasonic.second_factor`) are counted with the passwords, and besides by
account alone, twice as many: a code has six digits only, and who guesses one knows the password. Where
a user needs a second factor, the password alone forgets no failures and makes no browser known.

A password check takes most of a second of one core, by intent. One is made at a time per process, and
`LOGIN_CHECKS_PER_MINUTE` at most, those of known browsers aside.
"""

import ipaddress
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils.crypto import get_random_string, salted_hmac
from prometheus_client import Counter

from common import client_address
from novasonic.models import FailedLogins
from voice.gateway.rate_limits import Rate, TokenBucket

LOGINS = Counter("nova_logins", "Logins with a password, by outcome.", ["outcome"])
DEVICE_COOKIE = "known_browser"
DEVICE_COOKIE_AGE_S = 180 * 24 * 3600
ADDRESS_FACTOR, ACCOUNT_FACTOR, CODE_FACTOR = 4, 10, 2
CHECK_TIMEOUT_S = 5.0
_SALT = "novasonic.logins"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a login was refused without a look at the password, and for how many seconds."""

    code: str
    wait_s: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login that may be tried.

    Attributes:
        account: The name as typed, without case: it need not exist.
        address: The client's address; of IPv6 the network that one customer has.
        device: The id in the browser's cookie for this account; "" without one.
        is_code: Whether a code of the second factor is tried, and not a password.

    """

    account: str
    address: str
    device: str = ""
    is_code: bool = False

    @classmethod
    def of_request(cls, request: HttpRequest, username: str, *, is_code: bool = False) -> "Attempt":
        """Return the attempt that a request makes."""
        account = username.strip().casefold()
        address = _network(client_address.address_of_request(request))
        return cls(account, address, _device_id(request, account), is_code)

    def limits(self) -> dict[str, int]:
        """Return how many failures each of the counts allows, by the count's key."""
        limit = settings.LOGIN_MAX_FAILURES
        if self.device:
            return {_key("device", self.account, self.device): limit}
        codes = {_key("code", self.account): limit * CODE_FACTOR} if self.is_code else {}
        return {
            _key("pair", self.account, self.address): limit,
            _key("address", self.address): limit * ADDRESS_FACTOR,
            _key("account", self.account): limit * ACCOUNT_FACTOR,
            **codes,
        }

    def count_failure(self, *, account_name: str, now: datetime) -> Refusal | None:
        """Count a failure in advance; return a refusal, and count nothing, if a limit is reached."""
        limits = self.limits()
        expires_at = now + timedelta(minutes=settings.LOGIN_LOCK_MINUTES)
        with transaction.atomic():
            FailedLogins.objects.filter(expires_at__lte=now).delete()
            for row in _locked_rows(limits):
                if row.failures >= limits[row.key]:
                    wait = row.expires_at - now
                    return Refusal("too_many_logins", max(1, int(wait.total_seconds())))
            new = [FailedLogins(key=key, failures=0, expires_at=expires_at) for key in limits]
            FailedLogins.objects.bulk_create(new, ignore_conflicts=True)
            FailedLogins.objects.filter(key__in=list(limits)).update(
                failures=F("failures") + 1,
                expires_at=expires_at,
                account=account_name,
                address=self.address,
            )
        return None

    def forget_failures(self) -> None:
        """Forget the failures of this person, and take back what was counted for others."""
        own = {_key("pair", self.account, self.address), _key("device", self.account, self.device)}
        if self.is_code:
            own.add(_key("code", self.account))
        FailedLogins.objects.filter(key__in=own).delete()
        self.take_back_failure()

    def take_back_failure(self) -> None:
        """Take back the failure that was counted in advance."""
        rows = FailedLogins.objects.filter(key__in=list(self.limits()), failures__gt=0)
        rows.update(failures=F("failures") - 1)


class PasswordChecks:
    """Bound the passwords that this process checks: one at a time, and so many per minute."""

    def __init__(self) -> None:
        self._turn = threading.Semaphore()
        self._lock = threading.Lock()
        self._bucket: TokenBucket | None = None

    @contextmanager
    def slot(self, *, is_known_browser: bool) -> Iterator[bool]:
        """Wait for a turn; yield whether a password may be checked now."""
        if not (is_known_browser or self._consume()):
            yield False
            return
        has_turn = self._turn.acquire(timeout=CHECK_TIMEOUT_S)
        try:
            yield has_turn
        finally:
            if has_turn:
                self._turn.release()

    def _consume(self) -> bool:
        per_minute = settings.LOGIN_CHECKS_PER_MINUTE
        now = time.monotonic()
        with self._lock:
            if self._bucket is None:
                self._bucket = TokenBucket(Rate(per_s=per_minute / 60, burst=per_minute), now=now)
            return self._bucket.consume(1, now=now)


def device_cookie(request: HttpRequest, username: str) -> str:
    """Return the value of the cookie for a browser that has logged in to this account."""
    account = username.strip().casefold()
    device = _device_id(request, account) or get_random_string(22)
    return signing.dumps([_key("account", account), device], salt=_SALT)


def _device_id(request: HttpRequest, account: str) -> str:
    try:
        value = signing.loads(
            request.COOKIES.get(DEVICE_COOKIE, ""), salt=_SALT, max_age=DEVICE_COOKIE_AGE_S
        )
    except signing.BadSignature:
        return ""
    key, device = value
    return str(device) if key == _key("account", account) else ""


def _locked_rows(keys: Iterable[str]) -> list[FailedLogins]:
    # In the order of keys: two attempts that lock each other's rows would wait for ever.
    rows = FailedLogins.objects.select_for_update().filter(key__in=list(keys))
    return list(rows.order_by("key"))


def _key(kind: str, *values: str) -> str:
    # A hash, because people type passwords where the name belongs.
    return f"{kind}#{salted_hmac(_SALT, '\0'.join(values), algorithm='sha256').hexdigest()[:40]}"


def _network(address: str) -> str:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if ip.version == 6 and ip.ipv4_mapped is None:
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(getattr(ip, "ipv4_mapped", None) or ip)
