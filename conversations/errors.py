"""What may go wrong with conversations, as far as it is foreseen."""

from django.utils.translation import gettext_lazy as _

from common.errors import ConflictError, NotFoundError


class ConversationGoneError(NotFoundError):
    """It never was, is forgotten, or can't go on: over, too old, the wrong secret. All answered alike."""

    code = "conversation_gone"
    text = _("That conversation is over.")


class ConversationMovedError(ConflictError):
    """The writer doesn't have the call any more: another process has it, or it has ended."""

    code = "conversation_moved"
    text = _("This call goes on somewhere else.")


class ConversationLiveError(ConflictError):
    """It is going on, so it can't be forgotten."""

    code = "conversation_live"
    text = _("That conversation is still going on. It can be deleted when it is over.")


class ToolCallGoneError(NotFoundError):
    """No such tool run was begun in the conversation."""

    code = "tool_run_gone"
    text = _("There is no such tool run.")
