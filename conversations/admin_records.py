"""Records of conversations and tool calls for Django's admin, without SQL tables.

See `staff.records` for what a record is.

The admin's model of a tool call is named `ToolRun`, because its URL and its permissions have that
name.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, override

from django.db import models
from django.utils.translation import gettext_lazy as _

from common.clock import now
from common.dynamodb.paging import Page
from conversations import domain, services
from conversations.domain import (
    ConversationQuery,
    ConversationState,
    ToolCallQuery,
    ToolOutcome,
)
from conversations.errors import ConversationNotFoundError
from conversations.results import CallResult, Purpose
from staff.record_filter import RecordFilter
from staff.records import Record

STATE_LABELS = {
    ConversationState.LIVE: _("Live now"),
    ConversationState.LEFT: _("The customer left"),
    ConversationState.LOST: _("Lost"),
    ConversationState.ENDED: _("Over"),
}
REASON_LABELS = {
    "client": _("The customer hung up"),
    "model": _("The assistant ended it"),
    "error": _("An error"),
    "idle": _("Nobody spoke"),
    "limit": _("It was too long"),
    "refused": _("It was refused"),
    "moved": _("It moved to another server"),
    ConversationState.LEFT.value: STATE_LABELS[ConversationState.LEFT],
    ConversationState.LOST.value: STATE_LABELS[ConversationState.LOST],
}
OUTCOME_LABELS = {
    ToolOutcome.RUNNING: _("Running"),
    ToolOutcome.OK: _("Succeeded"),
    ToolOutcome.PROPOSED: _("To be confirmed"),
    ToolOutcome.REFUSED: _("Not allowed"),
    ToolOutcome.FAILED: _("Failed"),
    ToolOutcome.CANCELLED: _("Broken off"),
}

RESULT_LABELS = {
    CallResult.DONE: _("It was done"),
    CallResult.MESSAGE_LEFT: _("Message left"),
    CallResult.UNCONFIRMED: _("Not confirmed"),
    CallResult.REFUSED: _("Not possible"),
    CallResult.FAILED: _("Technical failure"),
    CallResult.NOTHING_ASKED: _("Nothing asked for"),
}
PURPOSE_LABELS = {
    Purpose.BOOK_APPOINTMENT: _("Book an appointment"),
    Purpose.MOVE_APPOINTMENT: _("Move an appointment"),
    Purpose.CANCEL_APPOINTMENT: _("Cancel an appointment"),
    Purpose.PLACE_ORDER: _("Place an order"),
    Purpose.CANCEL_ORDER: _("Cancel an order"),
    Purpose.LEAVE_MESSAGE: _("Leave a message"),
    Purpose.ASK_APPOINTMENT: _("Ask about an appointment"),
    Purpose.ASK_ORDER: _("Ask about an order"),
    Purpose.ASK_FREE_TIMES: _("Look for free times"),
    Purpose.ASK_INFORMATION: _("Ask about the business"),
}


class ConversationSource:
    """Reads conversations through `conversations.services`."""

    conditions = frozenset({"state", "had_errors", "result", "started_at__gte", "started_at__lt"})
    sort_fields = frozenset({"started_at"})
    email_field = None

    def find_by_id(self, record_id: str) -> "Conversation | None":
        """Return a conversation, or None."""
        read_at = now()
        try:
            conversation = services.get_conversation(call_id=record_id, now=read_at)
        except ConversationNotFoundError:
            return None
        return conversation_record(conversation, read_at)

    def read_page(
        self, record_filter: RecordFilter, *, cursor: str | None, limit: int
    ) -> Page["Conversation"]:
        """Return one page of conversations by start time."""
        query, read_at = _query(record_filter), now()
        found = services.find_conversations(query=query, now=read_at, cursor=cursor, limit=limit)
        return found.map(lambda conversation: conversation_record(conversation, read_at))

    def search(
        self, text: str, record_filter: RecordFilter
    ) -> tuple[Sequence["Conversation"], int | None]:
        """Return the conversations in which these words were said, and where the search stopped."""
        query, read_at = _query(record_filter), now()
        found = services.search_text(text=text, query=query, now=read_at)
        records = [conversation_record(each, read_at) for each in found.conversations]
        return records[::-1] if query.oldest_first else records, found.stopped_after

    def search_text(self, record: "Conversation") -> str:
        """Return the id, the only text of the record that a search can compare."""
        return record.id


def _query(record_filter: RecordFilter) -> ConversationQuery:
    state = record_filter.value_of("state")
    return ConversationQuery(
        state=None if state is None else ConversationState(state),
        with_errors=bool(record_filter.value_of("had_errors")),
        result=record_filter.value_of("result"),
        started_from=record_filter.value_of("started_at__gte"),
        started_to=record_filter.value_of("started_at__lt"),
        oldest_first=record_filter.order == "started_at",
    )


class Conversation(Record):  # type: ignore[django-manager-missing, unused-ignore]  # the plugin, at times
    """A conversation in the admin."""

    source: ClassVar[Any] = ConversationSource()
    value: domain.Conversation

    id = models.CharField(_("call"), primary_key=True, max_length=64, editable=False)
    state = models.CharField(
        _("state"),
        max_length=8,
        choices=[(state.value, label) for state, label in STATE_LABELS.items()],
        editable=False,
    )
    had_errors = models.BooleanField(_("with errors"), editable=False)
    result = models.CharField(
        _("result"),
        max_length=16,
        blank=True,
        choices=[(result.value, label) for result, label in RESULT_LABELS.items()],
        editable=False,
    )
    started_at = models.DateTimeField(_("began"), editable=False)
    updated_at = models.DateTimeField(_("last change"), editable=False)

    class Meta(Record.Meta):
        """Display names, and the permissions: staff can't add or change conversations."""

        abstract = False
        ordering: ClassVar = ["-started_at"]
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        default_permissions = ("view", "delete")

    @override
    def __str__(self) -> str:
        return str(_("Conversation %(id)s") % {"id": self.id[:8]})


class ToolRunSource:
    """Reads the tool calls of all conversations through `conversations.services`."""

    conditions = frozenset({"name", "outcome", "started_at__gte", "started_at__lt"})
    sort_fields = frozenset({"started_at"})
    email_field = None

    def find_by_id(self, record_id: str) -> "ToolRun | None":
        """Return a tool call, or None."""
        call_id, _colon, tool_use_id = record_id.partition(":")
        try:
            return tool_run_record(services.get_tool_call(call_id=call_id, tool_use_id=tool_use_id))
        except ConversationNotFoundError:
            return None

    def read_page(
        self, record_filter: RecordFilter, *, cursor: str | None, limit: int
    ) -> Page["ToolRun"]:
        """Return one page of tool calls by start time."""
        outcome = record_filter.value_of("outcome")
        query = ToolCallQuery(
            name=record_filter.value_of("name"),
            outcome=None if outcome is None else ToolOutcome(outcome),
            started_from=record_filter.value_of("started_at__gte"),
            started_to=record_filter.value_of("started_at__lt"),
            oldest_first=record_filter.order == "started_at",
        )
        found = services.find_tool_calls(query=query, now=now(), cursor=cursor, limit=limit)
        return found.map(tool_run_record)

    def search_text(self, record: "ToolRun") -> str:
        """Return the tool's name."""
        return record.name


class ToolRun(Record):
    """A tool call in the admin; its id is the call's id, a colon and the tool use id."""

    source: ClassVar[Any] = ToolRunSource()
    value: domain.ToolCall

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
        """Display names, and the only permission: to view the tool calls of all conversations."""

        abstract = False
        ordering: ClassVar = ["-started_at"]
        verbose_name = _("tool run")
        verbose_name_plural = _("tool runs")
        default_permissions = ("view",)

    @override
    def __str__(self) -> str:
        return self.name


def conversation_record(conversation: domain.Conversation, read_at: datetime) -> Conversation:
    """Return the admin record of a conversation, with its state at `read_at`."""
    record: Conversation = Conversation.from_stored(
        id=conversation.id,
        state=conversation.state_at(read_at).value,
        had_errors=bool(conversation.statistics.error_codes),
        result=conversation.result or "",
        started_at=conversation.started_at,
        updated_at=conversation.updated_at,
    )
    record.value = conversation
    return record


def tool_run_record(tool_call: domain.ToolCall) -> ToolRun:
    """Return the admin record of a tool call."""
    record: ToolRun = ToolRun.from_stored(
        id=f"{tool_call.call_id}:{tool_call.tool_use_id}",
        call_id=tool_call.call_id,
        name=tool_call.name,
        outcome=tool_call.outcome.value,
        started_at=tool_call.started_at,
    )
    record.value = tool_call
    return record
