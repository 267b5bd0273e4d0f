"""Errors that callers of `follow_ups.services` can expect."""

from django.utils.translation import gettext_lazy as _

from common.errors import NotFoundError, RuleError


class FollowUpNotFoundError(NotFoundError):
    """There is no such follow-up."""

    code = "follow_up_not_found"
    text = _("That message is not there any more.")


class ContactMissingError(RuleError):
    """Neither a phone number nor an e-mail address is known: nobody could answer."""

    code = "contact_missing"
    text = _("I need a phone number or an e-mail address, so that somebody can answer.")
