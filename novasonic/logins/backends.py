"""The authentication backend: Django's, within the limits of `novasonic.logins.limits`."""

import logging
from typing import Any, override

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from common import clock
from novasonic.logins.limits import LOGINS, Attempt, PasswordChecks, Refusal
from novasonic.second_factor.devices import needs_second_factor
from voice.cloudwatch import SITE, log_metrics

logger = logging.getLogger(__name__)

_checks = PasswordChecks()


class LimitedModelBackend(ModelBackend):
    """Checks passwords of requests within the limits; commands, which have no request, are free."""

    @override
    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """Return the user with this name and password, or None.

        Raises:
            PermissionDenied: a limit is reached; `request.login_refusal` says which.

        """
        if request is None or username is None or password is None:
            return super().authenticate(request, username, password, **kwargs)
        attempt = Attempt.of_request(request, username)
        known_name = _known_name(username)
        refusal = attempt.count_failure(account_name=known_name, now=clock.now())
        if refusal is not None:
            self._refuse(request, attempt, known_name, refusal)
        with _checks.slot(is_known_browser=bool(attempt.device)) as has_slot:
            if not has_slot:
                attempt.take_back_failure()
                self._refuse(request, attempt, known_name, Refusal("logins_busy", 30))
            user = super().authenticate(request, username, password, **kwargs)
        if user is None:
            log_failure("login failed", attempt, known_name)
            LOGINS.labels("failed").inc()
            return None
        if needs_second_factor(user):
            attempt.take_back_failure()
        else:
            attempt.forget_failures()
        LOGINS.labels("succeeded").inc()
        return user

    def _refuse(
        self, request: HttpRequest, attempt: Attempt, known_name: str, refusal: Refusal
    ) -> None:
        log_failure("login refused", attempt, known_name, code=refusal.code, wait_s=refusal.wait_s)
        LOGINS.labels(refusal.code).inc()
        setattr(request, "login_refusal", refusal)  # noqa: B010 -- no attribute that Django declares
        raise PermissionDenied


def _known_name(username: str) -> str:
    users = get_user_model()._default_manager  # noqa: SLF001 -- documented by Django
    return username if users.filter(username=username).exists() else ""


def log_failure(event: str, attempt: Attempt, known_name: str, **fields: Any) -> None:
    """Log a failed or refused login, and count it for the alarm."""
    # Not the name as typed: people type passwords there.
    account = known_name or "unknown"
    logger.warning(event, extra={"account": account, "address": attempt.address, **fields})
    log_metrics("login failures", {"LoginFailures": 1}, service=SITE)
