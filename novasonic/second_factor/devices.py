"""Second factors in SQL: who has one, who needs it, and what a code proves.

django-otp stores them and checks codes; a code is accepted once. Two of its parts are not used: its
throttle, because `novasonic.logins.limits` counts wrong codes with wrong passwords, and its recovery
codes in clear text, because only a keyed hash of each is stored here.
"""

import secrets
from base64 import b32encode
from collections.abc import Iterable
from string import ascii_lowercase, digits
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.crypto import salted_hmac
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from novasonic.second_factor.models import SecondFactor

RECOVERY_CODES = 10
CODE_LENGTH = 6
_HALF_RECOVERY_CODE = 5
_CLEAR_LETTERS = sorted(set(ascii_lowercase + digits) - set("ilo01"))
"""Those that nobody reads as another."""
_SALT = "novasonic.second_factor"

type Account = Any
"""A user, who may be anonymous: Django's types have no common base with `is_staff`."""


def is_enabled() -> bool:
    """Whether staff can have a second factor at all."""
    return bool(settings.STAFF_SECOND_FACTOR != "off")


def needs_second_factor(user: Account) -> bool:
    """Whether a session of this user is nobody's until it has shown a second factor."""
    if not (is_enabled() and user.is_authenticated and user.is_staff):
        return False
    if getattr(user, "otp_device", None) is not None:
        return False
    return settings.STAFF_SECOND_FACTOR == "required" or device_of(user) is not None


def device_of(user: Account) -> SecondFactor | None:
    """Return the second factor of a user."""
    found: SecondFactor | None = SecondFactor.objects.filter(user=user, confirmed=True).first()
    return found


def is_code_of_key(key: str, code: str) -> bool:
    """Whether an authenticator app that has this key (hexadecimal) shows this code now."""
    return _is_app_code(code) and TOTP(bytes.fromhex(key)).verify(int(code), tolerance=1)


def set_up(user: Account, key: str) -> SecondFactor | None:
    """Store the second factor of a user who has none; return None if they have one by now."""
    with transaction.atomic():
        _lock(user)
        if device_of(user) is not None:
            return None
        device: SecondFactor = SecondFactor.objects.create(
            user=user, key=key, name="app", confirmed=True
        )
        return device


def remove(user: Account) -> None:
    """Remove the second factor of a user, and their recovery codes."""
    with transaction.atomic():
        _lock(user)
        TOTPDevice.objects.filter(user=user).delete()
        StaticDevice.objects.filter(user=user).delete()


def verify_code(user: Account, code: str) -> bool:
    """Use up a code of the app, or a recovery code; return whether it was right."""
    code = "".join(each for each in code.lower() if each not in " -")
    with transaction.atomic():
        _lock(user)
        if _is_app_code(code):
            device = device_of(user)
            return device is not None and bool(device.verify_token(code))
        codes = StaticDevice.objects.filter(user=user).first()
        return codes is not None and bool(codes.verify_token(_stored_form(code)))


def renew_recovery_codes(user: Account) -> list[str]:
    """Return new recovery codes, which replace those the user had."""
    codes = [_random_code() for _ in range(RECOVERY_CODES)]
    with transaction.atomic():
        _lock(user)
        StaticDevice.objects.filter(user=user).delete()
        device = StaticDevice.objects.create(user=user, name="recovery", confirmed=True)
        StaticToken.objects.bulk_create(_tokens(device, codes))
    half = _HALF_RECOVERY_CODE
    return [f"{code[:half]}-{code[half:]}" for code in codes]


def count_recovery_codes(user: Account) -> int:
    """Return how many recovery codes a user has left."""
    return int(StaticToken.objects.filter(device__user=user).count())


def staff_without() -> list[str]:
    """Return the names of the active staff who have no second factor."""
    users = get_user_model().objects.filter(is_staff=True, is_active=True)
    found = users.exclude(totpdevice__confirmed=True).order_by("username")
    return list(found.values_list("username", flat=True))


def new_key() -> str:
    """Return a random key of 160 bits, as RFC 4226 recommends, in hexadecimal digits."""
    return secrets.token_hex(20)


def key_as_text(key: str) -> str:
    """Return a key as authenticator apps let people type it: base32 in groups of four."""
    text = b32encode(bytes.fromhex(key)).decode()
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def key_as_url(user: Account, key: str) -> str:
    """Return the URL of a key, which authenticator apps read from a QR code."""
    return str(TOTPDevice(user=user, key=key).config_url)


def _is_app_code(code: str) -> bool:
    return len(code) == CODE_LENGTH and code.isascii() and code.isdigit()


def _random_code() -> str:
    return "".join(secrets.choice(_CLEAR_LETTERS) for _ in range(2 * _HALF_RECOVERY_CODE))


def _tokens(device: StaticDevice, codes: Iterable[str]) -> list[StaticToken]:
    return [StaticToken(device=device, token=_stored_form(code)) for code in codes]


def _stored_form(code: str) -> str:
    digest = salted_hmac(_SALT, code, algorithm="sha256").digest()
    return b32encode(digest[:10]).decode()  # 16 characters, the length of django-otp's field


def _lock(user: Account) -> None:
    # Of two requests with the same code, the second waits until the first has used it up.
    get_user_model().objects.select_for_update().filter(pk=user.pk).first()
