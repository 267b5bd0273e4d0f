"""Conversations as Django's admin sees them: no storage, and no table (see `staff.records`)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, override

from django.db import models
from django.utils.translation import gettext_lazy as _

from common.clock import now
from common.dynamodb.paging import Page
from conversations import services
from conversations.domain import Conversation as ConversationValue
from conversations.domain import ConversationQuery, State, ToolCallQuery, ToolOutcome
from conversations.domain import ToolCall as ToolRunValue
from conversations.errors import ConversationGoneError
from staff.record_filter import RecordFilter
from staff.records import Record

STATE_LABELS = {
    State.LIVE: _("Live now"),
    State.LOST: _("Lost"),
    State.ENDED: _("Over"),
}
REASON_LABELS = {
    "client": _("The customer hung up"),
    "model": _("The assistant ended it"),
    "error": _("An error"),
    "idle": _("Nobody spoke"),
    "limit": _("It was too long"),
    "refused": _("It was refused"),
    "moved": _("It moved to another server"),
}
OUTCOME_LABELS = {
    ToolOutcome.RUNNING: _("Running"),
    ToolOutcome.OK: _("Succeeded"),
    ToolOutcome.REFUSED: _("Not allowed"),
    ToolOutcome.FAILED: _("Failed"),
    ToolOutcome.CANCELLED: _("Broken off"),
}


class ConversationSource:
    """Conversations, by the services."""

    conditions = frozenset({"state", "had_errors", "started_at__gte", "started_at__lt"})
    orders = frozenset({"started_at"})
    email = None

    def one(self, record_id: str) -> "Conversation | None":
        """Return a conversation, or None."""
        at = now()
        try:
            found = services.get_transcript(call_id=record_id, now=at)
        except ConversationGoneError:
            return None
        return conversation_record(found, at)

    def page(self, wish: RecordFilter, *, cursor: str | None, limit: int) -> Page["Conversation"]:
        """Return some conversations by the time they began."""
        query, at = _query(wish), now()
        found = services.find_conversations(query=query, now=at, cursor=cursor, limit=limit)
        return found.map(lambda conversation: conversation_record(conversation, at))

    def saying(self, words: str, wish: RecordFilter) -> tuple[Sequence["Conversation"], int | None]:
        """Return the conversations in which these words were said."""
        at = now()
        found = services.search_text(words=words, query=_query(wish), now=at)
        records = [conversation_record(each, at) for each in found.conversations]
        is_reversed = wish.order == "started_at"
        return records[::-1] if is_reversed else records, found.stopped_after

    def text(self, record: "Conversation") -> str:
        """Return the id: what was said isn't in the record."""
        return record.id


def _query(wish: RecordFilter) -> ConversationQuery:
    state = wish.value("state")
    return ConversationQuery(
        state=None if state is None else State(state),
        with_errors=bool(wish.value("had_errors")),
        started_from=wish.value("started_at__gte"),
        started_to=wish.value("started_at__lt"),
        oldest_first=wish.order == "started_at",
    )


class Conversation(Record):  # type: ignore[django-manager-missing, unused-ignore]  # the plugin, at times
    """A conversation in the admin."""

    source: ClassVar[Any] = ConversationSource()
    value: ConversationValue

    id = models.CharField(_("call"), primary_key=True, max_length=64, editable=False)
    state = models.CharField(
        _("state"),
        max_length=8,
        choices=[(state.value, label) for state, label in STATE_LABELS.items()],
        editable=False,
    )
    had_errors = models.BooleanField(_("with errors"), editable=False)
    started_at = models.DateTimeField(_("began"), editable=False)
    updated_at = models.DateTimeField(_("last change"), editable=False)

    class Meta(Record.Meta):
        """Names and permissions: nobody writes them, and who may delete one may have it forgotten."""

        abstract = False
        ordering: ClassVar = ["-started_at"]
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        default_permissions = ("view", "delete")

    @override
    def __str__(self) -> str:
        return str(_("Conversation %(id)s") % {"id": self.id[:8]})


class ToolRunSource:
    """The tool runs of all calls, by the services."""

    conditions = frozenset({"name", "outcome", "started_at__gte", "started_at__lt"})
    orders = frozenset({"started_at"})
    email = None

    def one(self, record_id: str) -> "ToolRun | None":
        """Return a tool run, or None."""
        call_id, _colon, tool_use_id = record_id.partition(":")
        try:
            return tool_run_record(services.get_tool_call(call_id=call_id, tool_use_id=tool_use_id))
        except ConversationGoneError:
            return None

    def page(self, wish: RecordFilter, *, cursor: str | None, limit: int) -> Page["ToolRun"]:
        """Return some tool runs by the time they began."""
        outcome = wish.value("outcome")
        query = ToolCallQuery(
            name=wish.value("name"),
            outcome=None if outcome is None else ToolOutcome(outcome),
            started_from=wish.value("started_at__gte"),
            started_to=wish.value("started_at__lt"),
            oldest_first=wish.order == "started_at",
        )
        found = services.find_tool_calls(query=query, now=now(), cursor=cursor, limit=limit)
        return found.map(tool_run_record)

    def text(self, record: "ToolRun") -> str:
        """Return the name."""
        return record.name


class ToolRun(Record):
    """A tool run in the admin; its id is the call's, a colon, and what the model calls it."""

    source: ClassVar[Any] = ToolRunSource()
    value: ToolRunValue

    id = models.CharField(primary_key=True, max_length=200, editable=False)
    call_id = models.CharField(_("call"), max_length=64, editable=False)
    name = models.CharField(_("tool"), max_length=64, editable=False)
    outcome = models.CharField(
        _("outcome"),
        max_length=12,
        choices=[(outcome.value, label) for outcome, label in OUTCOME_LABELS.items()],
        editable=False,
    )
    started_at = models.DateTimeField(_("began"), editable=False)

    class Meta(Record.Meta):
        """Names, and the one permission: to see what was done in all calls."""

        abstract = False
        ordering: ClassVar = ["-started_at"]
        verbose_name = _("tool run")
        verbose_name_plural = _("tool runs")
        default_permissions = ("view",)

    @override
    def __str__(self) -> str:
        return self.name


def conversation_record(conversation: ConversationValue, at: datetime) -> Conversation:
    """Return the conversation as the admin shows it at this moment."""
    record: Conversation = Conversation.read(
        id=conversation.id,
        state=conversation.state(at).value,
        had_errors=bool(conversation.progress.errors),
        started_at=conversation.started_at,
        updated_at=conversation.updated_at,
    )
    record.value = conversation
    return record


def tool_run_record(run: ToolRunValue) -> ToolRun:
    """Return the tool run as the admin shows it."""
    record: ToolRun = ToolRun.read(
        id=f"{run.call_id}:{run.tool_use_id}",
        call_id=run.call_id,
        name=run.name,
        outcome=run.outcome.value,
        started_at=run.started_at,
    )
    record.value = run
    return record
