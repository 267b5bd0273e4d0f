"""Errors that callers of `webhooks.services` can expect."""

from collections.abc import Mapping
from typing import Any, override

from django.utils.translation import gettext_lazy as _

from common.errors import InvalidFieldError, NotFoundError, RuleError
from webhooks.domain import MAX_ENDPOINTS

PROBLEM_TEXTS: Mapping[str, Any] = {
    "not_a_url": _("It isn't an address such as https://example.com/webhooks."),
    "not_https": _("The address must begin with https://."),
    "has_credentials": _("The address must not contain a user name or a password."),
    "port": _("The port of the address must be 443 or 8443."),
    "unknown_host": _("There is no server of that name."),
    "not_public": _("The address isn't that of a public server."),
}
"""What staff read, by the code of `webhooks.addresses.AddressProblemError`."""


class EndpointNotFoundError(NotFoundError):
    """There is no such endpoint."""

    code = "webhook_endpoint_not_found"
    text = _("That webhook is not there any more.")


class DeliveryNotFoundError(NotFoundError):
    """There is no such delivery."""

    code = "webhook_delivery_not_found"
    text = _("That delivery is not there any more.")


class DeliveryUnderWayError(RuleError):
    """A worker is posting it now."""

    code = "webhook_delivery_under_way"
    text = _("That event is being delivered right now. Look again in some minutes.")


class EndpointInactiveError(RuleError):
    """The endpoint of a delivery gets no events."""

    code = "webhook_endpoint_inactive"
    text = _("That webhook is not active. Activate it first.")


class LessPersonalDataError(RuleError):
    """A delivery has personal data that its endpoint doesn't get any more."""

    code = "webhook_gets_less_personal_data"
    text = _("That webhook gets less personal data now. That event can't be sent again.")


class TooManyEndpointsError(RuleError):
    """There are as many endpoints as there may be."""

    code = "too_many_webhook_endpoints"
    text = _("There can be %(limit)s webhooks at most.")

    @override
    def text_values(self) -> dict[str, object]:
        return {"limit": MAX_ENDPOINTS}


class AddressRefusedError(InvalidFieldError):
    """Events can't be posted to an address; `data["problem"]` is a key of `PROBLEM_TEXTS`."""

    @property
    @override
    def message(self) -> str:
        return str(PROBLEM_TEXTS[str(self.data["problem"])])
