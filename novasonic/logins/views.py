"""The login page of the browsable API."""

from typing import Any, override

from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase

from novasonic.logins.forms import LoginForm
from novasonic.second_factor.devices import needs_second_factor
from novasonic.second_factor.middleware import unverified_user
from novasonic.second_factor.pages import page_url


class ApiLoginView(LoginView):
    """Django's login page, which leads to the page of the second factor where one is needed."""

    template_name = "rest_framework/login.html"
    authentication_form = LoginForm

    @override
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "GET" and unverified_user(request) is not None:
            return HttpResponseRedirect(page_url(super().get_success_url()))
        return super().dispatch(request, *args, **kwargs)

    @override
    def get_success_url(self) -> str:
        url = super().get_success_url()
        return page_url(url) if needs_second_factor(self.request.user) else url
