"""The staff page of the second factor: asks for a code, sets one up, renews recovery codes, removes it."""

import logging
from enum import Enum
from typing import Any
from urllib.parse import urlencode

import segno
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django_otp import login as mark_session_verified

from common import clock
from novasonic.logins.backends import log_failure
from novasonic.logins.forms import refusal_text
from novasonic.logins.limits import LOGINS, Attempt
from novasonic.second_factor import devices
from novasonic.second_factor.forms import CodeForm
from novasonic.second_factor.middleware import unverified_user

logger = logging.getLogger(__name__)

KEY_IN_SESSION = "second_factor_key"


class Step(Enum):
    """What the page does for this user now."""

    VERIFY = "verify"
    SET_UP = "set_up"
    MANAGE = "manage"
    SHOW_CODES = "show_codes"


def page_url(next_url: str = "") -> str:
    """Return the page's URL, from which the user goes on to `next_url`."""
    query = f"?{urlencode({'next': next_url})}" if next_url else ""
    return reverse("admin:second_factor") + query


@sensitive_post_parameters("code")
@never_cache
@csrf_protect
def second_factor_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Show the page to who has logged in with a password, with or without their second factor.

    Args:
        request: Its POST has a `code`, and for a user who has shown their second factor an `action`.
        context: That of each page of the staff site.

    """
    if not devices.is_enabled():
        raise Http404
    user = unverified_user(request) or request.user
    if not (user.is_authenticated and user.is_staff):
        return redirect_to_login(request.get_full_path(), reverse("admin:login"))
    if request.method == "POST" and "log_out" in request.POST:
        logout(request)
        return HttpResponseRedirect(reverse("admin:login"))
    return _Page(request, user, context).respond()


class _Page:
    def __init__(self, request: HttpRequest, user: Any, context: dict[str, Any]) -> None:
        self.request = request
        self.user = user
        self.is_waiting = unverified_user(request) is not None
        self.next_url = _safe_next(request)
        self.context = context | {"is_nav_sidebar_enabled": False}

    def respond(self) -> HttpResponse:
        form = CodeForm(self.request.POST or None)
        code = form.cleaned_data["code"] if self._has_valid(form) else None
        if devices.device_of(self.user) is None:
            return self._set_up(form, code)
        if code is None or not self._is_right(form, code):
            return self._show(Step.VERIFY if self.is_waiting else Step.MANAGE, form)
        if self.is_waiting:
            self._mark_verified()
            self._warn_of_few_codes()
            return HttpResponseRedirect(self.next_url)
        return self._change()

    def _has_valid(self, form: CodeForm) -> bool:
        return self.request.method == "POST" and form.is_valid()

    def _set_up(self, form: CodeForm, code: str | None) -> HttpResponse:
        session = self.request.session
        key = session.get(KEY_IN_SESSION)
        if key is None:
            key = session[KEY_IN_SESSION] = devices.new_key()
        if code is not None and not devices.is_code_of_key(key, code.replace(" ", "")):
            text = _("That is not the code of this moment. Is the phone's clock right?")
            form.add_error("code", text)
            code = None
        if code is None:
            return self._show(Step.SET_UP, form, **self._key_context(key))
        del session[KEY_IN_SESSION]
        if devices.set_up(self.user, key) is None:  # in another window, meanwhile
            return HttpResponseRedirect(page_url(self.next_url))
        logger.info("second factor set up", extra={"account": self.user.get_username()})
        self._mark_verified()
        return self._show_codes()

    def _key_context(self, key: str) -> dict[str, Any]:
        code = segno.make(devices.key_as_url(self.user, key), error="m", micro=False)
        image = code.svg_data_uri(scale=5, dark="#000", light="#fff")
        return {"qr": image, "key": devices.key_as_text(key), "is_required": self.is_waiting}

    def _is_right(self, form: CodeForm, code: str) -> bool:
        """Check a code within the limits of logins; say at the field what is wrong."""
        name = self.user.get_username()
        attempt = Attempt.of_request(self.request, name, is_code=True)
        refusal = attempt.count_failure(account_name=name, now=clock.now())
        if refusal is not None:
            log_failure("login refused", attempt, name, code=refusal.code, wait_s=refusal.wait_s)
            LOGINS.labels(refusal.code).inc()
            setattr(self.request, "login_refusal", refusal)  # noqa: B010 -- as in the backend
            form.add_error("code", refusal_text(refusal, is_code=True))
            return False
        if devices.verify_code(self.user, code):
            attempt.forget_failures()
            return True
        log_failure("login failed", attempt, name, code="wrong_code")
        LOGINS.labels("wrong_code").inc()
        form.add_error("code", _("That code is not right, or it was used already."))
        return False

    def _mark_verified(self) -> None:
        request = self.request
        device = devices.device_of(self.user)
        request.user = self.user  # until here the request was nobody's
        self.is_waiting = False
        request.session.cycle_key()
        mark_session_verified(request, device)
        setattr(request, "logged_in_username", self.user.get_username())  # noqa: B010 -- for the cookie of known browsers

    def _change(self) -> HttpResponse:
        name = self.user.get_username()
        if self.request.POST.get("action") == "remove":
            devices.remove(self.user)
            logger.info("second factor removed", extra={"account": name})
            messages.success(self.request, _("Removed. You can set it up on another phone now."))
            return HttpResponseRedirect(page_url())
        logger.info("recovery codes renewed", extra={"account": name})
        return self._show_codes()

    def _show_codes(self) -> HttpResponse:
        codes = devices.renew_recovery_codes(self.user)
        return self._show(Step.SHOW_CODES, CodeForm(), codes=codes)

    def _warn_of_few_codes(self) -> None:
        left = devices.count_recovery_codes(self.user)
        if left < devices.RECOVERY_CODES // 2:
            text = ngettext(
                "You have %(left)d recovery code left. You can get new ones under “Two-step verification”.",
                "You have %(left)d recovery codes left. You can get new ones under “Two-step verification”.",
                left,
            )
            messages.warning(self.request, text % {"left": left})

    def _show(self, step: Step, form: CodeForm, **context: Any) -> HttpResponse:
        own = {
            "title": _("Two-step verification"),
            "step": step.value,
            "form": form,
            "next_url": self.next_url,
            "account": self.user.get_username(),
            "is_waiting": self.is_waiting,
            "device": devices.device_of(self.user),
            "codes_left": devices.count_recovery_codes(self.user),
        }
        # The context was made while the request was nobody's.
        return TemplateResponse(
            self.request, "admin/second_factor.html", self.context | own | context
        )


def _safe_next(request: HttpRequest) -> str:
    url = request.POST.get("next") or request.GET.get("next") or ""
    is_safe = url_has_allowed_host_and_scheme(
        url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return url if is_safe else reverse("admin:index")
