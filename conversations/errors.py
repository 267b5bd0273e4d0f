"""Errors that callers of `conversations.services` can expect."""

from django.utils.translation import gettext_lazy as _

from common.errors import ConflictError, NotFoundError


class ConversationNotFoundError(NotFoundError):
    """There is no such conversation, or it can't be restored.

    Unknown, ended, expired and wrong secret are one answer, so that it tells nothing about other
    calls.
    """

    code = "conversation_gone"
    text = _("That conversation is over.")


class LeaseLostError(ConflictError):
    """The writer's lease has ended: another process took it over, or the conversation has ended."""

    code = "conversation_moved"
    text = _("This call continues on another server.")


class ConversationLiveError(ConflictError):
    """The conversation is live, so it can't be deleted."""

    code = "conversation_live"
    text = _("That conversation is live. It can be deleted when it has ended.")


class ToolCallNotFoundError(NotFoundError):
    """The conversation has no such tool call."""

    code = "tool_run_gone"
    text = _("There is no such tool call.")
