"""The staff site: Django's admin with a start page, and a page for expected errors."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, override

from django.contrib import admin, messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.i18n import JavaScriptCatalog

import follow_ups.services
from business.services import business_name
from common import clock
from common.errors import ConflictError, DomainError, NotFoundError
from common.identity import lockout
from follow_ups.admin_records import FollowUp, follow_up_record
from follow_ups.domain import FollowUpStatus
from novasonic.admin_start_page import may_lift_locks, start_page_context
from novasonic.logins.forms import StaffLoginForm
from novasonic.patient_page import patient_context
from novasonic.second_factor.devices import is_enabled
from novasonic.second_factor.middleware import unverified_user
from novasonic.second_factor.pages import page_url, second_factor_page
from voice.tools import TOOLS

logger = logging.getLogger(__name__)


CALENDAR_TEXTS = ("Today (%(date)s)", "Yesterday (%(date)s)", "Tomorrow (%(date)s)")
"""Texts of the admin's scripts that Django has no Spanish for."""


class StaffJavaScriptCatalog(JavaScriptCatalog):
    """Django's translations for the admin's scripts, and ours."""

    @override
    def get_catalog(self) -> dict[str, Any]:
        return {**super().get_catalog(), **{text: gettext(text) for text in CALENDAR_TEXTS}}


class StaffSite(admin.AdminSite):
    """The admin site of the staff."""

    index_title = _("Today")
    index_template = "admin/today.html"
    login_form = StaffLoginForm
    tool_names = tuple(spec.name for spec in TOOLS.specs())
    """The names in the tool filter of the list of tool calls, whose package can't import them."""

    @override
    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return the context of each page, with the name of the business as it is now."""
        name = business_name()
        return {
            **super().each_context(request),
            "site_title": name,
            "site_header": name,
            "second_factor_url": page_url() if is_enabled() else "",
        }

    @override
    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Return the start page."""
        return super().index(request, {**start_page_context(request), **(extra_context or {})})

    @override
    def get_urls(self) -> list[Any]:
        lift = path("locks/lift/", self.admin_view(self.lift_lock), name="lift_lock")
        complete_view = self.admin_view(self.complete_follow_up)
        complete = path(
            "follow-ups/<str:follow_up_id>/complete/", complete_view, name="complete_follow_up"
        )
        second_factor = path("second-factor/", self.second_factor, name="second_factor")
        patient = path("patient/", self.admin_view(self.patient), name="patient")
        return [lift, complete, patient, second_factor, *super().get_urls()]

    @override
    @method_decorator(never_cache)
    @method_decorator(login_not_required)
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for the password, or for the second factor of a user whose password was right."""
        if request.method == "GET" and unverified_user(request) is not None:
            return HttpResponseRedirect(page_url(request.GET.get(REDIRECT_FIELD_NAME, "")))
        return super().login(request, extra_context)

    def second_factor(self, request: HttpRequest) -> HttpResponse:
        """Ask for the second factor, or let the user set it up. Not behind `admin_view`: it is a part of the login."""
        return second_factor_page(request, self.each_context(request))

    @override
    def i18n_javascript(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        response = StaffJavaScriptCatalog.as_view(packages=["django.contrib.admin"])(request)
        assert isinstance(response, HttpResponse)  # not a stream
        return response

    def patient(self, request: HttpRequest) -> HttpResponse:
        """Show what is stored of a patient: appointments, orders and calls."""
        context = {**self.each_context(request), **patient_context(request)}
        return TemplateResponse(request, "admin/patient.html", context)

    def complete_follow_up(self, request: HttpRequest, follow_up_id: str) -> HttpResponse:
        """Mark a message of the start page as answered."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.has_perm("follow_ups.change_followup"):
            raise PermissionDenied
        try:
            self._complete_follow_up(request, follow_up_id)
        except (NotFoundError, ConflictError) as error:
            messages.info(request, error.message)
        return HttpResponseRedirect(reverse("admin:index"))

    def _complete_follow_up(self, request: HttpRequest, follow_up_id: str) -> None:
        now = clock.now()
        shown = follow_ups.services.get_follow_up(follow_up_id=follow_up_id, now=now)
        if shown.status is FollowUpStatus.DONE:
            text = gettext("%(user)s has marked it as answered already.")
            messages.info(request, text % {"user": shown.done_by})
            return
        completed = follow_ups.services.change_follow_up(
            follow_up_id=follow_up_id,
            status=FollowUpStatus.DONE,
            by=request.user.get_username(),
            unchanged_since=shown.updated_at,
            now=now,
        )
        self.get_model_admin(FollowUp).log_change(
            request, follow_up_record(completed), gettext("Answered")
        )
        messages.success(request, gettext("Marked as answered."))

    def lift_lock(self, request: HttpRequest) -> HttpResponse:
        """Lift an identity lock, so that callers may try again to prove who they are."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not may_lift_locks(request):
            raise PermissionDenied
        try:
            lockout.lift_identity_lock(lock_id=request.POST.get("lock", ""))
        except NotFoundError:
            messages.info(request, gettext("That lock is over already."))
        else:
            messages.success(request, gettext("Lifted: callers may try again."))
        return HttpResponseRedirect(reverse("admin:index"))

    @override
    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Wrap a view as Django does, and show an expected error as a page."""
        return super().admin_view(self._with_error_page(view), cacheable)

    def _with_error_page(self, view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def wrapped_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                return view(request, *args, **kwargs)
            except DomainError as error:
                logger.warning("staff page failed", extra={"code": error.code})
                context = {**self.each_context(request), "title": _("Not now"), "error": error}
                page = TemplateResponse(request, "admin/not_now.html", context)
                page.status_code = error.http_status
                return page

        return wrapped_view
