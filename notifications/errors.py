"""Errors that callers of `notifications.services` can expect."""

from django.utils.translation import gettext_lazy as _

from common.errors import NotFoundError, RuleError


class MessageNotFoundError(NotFoundError):
    """There is no such message."""

    code = "message_not_found"
    text = _("That e-mail is not there any more.")


class MessageUnderWayError(RuleError):
    """A worker is sending it now."""

    code = "message_under_way"
    text = _("That e-mail is being sent right now. Look again in some minutes.")
