"""Admin pages of conversations: staff read them, and supervisors may delete one."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, override

from django.contrib import admin
from django.db.models import QuerySet
from django.forms.widgets import Script
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common.clock import now
from conversations import services
from conversations.admin_records import (
    OUTCOME_LABELS,
    RESULT_LABELS,
    STATE_LABELS,
    Conversation,
    ToolRun,
)
from conversations.admin_transcript import (
    format_arguments,
    format_cost,
    format_errors,
    format_latency,
    format_length,
    format_reason,
    format_result,
    format_wanted,
    transcript_context,
)
from conversations.domain import ConversationState
from conversations.errors import ConversationNotFoundError
from conversations.labels import error_label, tool_label
from staff.admin import ReadOnlyRecordAdmin
from staff.filters import ChoiceFilter, PeriodFilter
from staff.formatting import format_csv_instant, format_instant


class StateFilter(ChoiceFilter):
    """Filter conversations by state."""

    title = gettext_lazy("state")
    parameter_name = "state"
    choice_labels = STATE_LABELS


class ErrorsFilter(ChoiceFilter):
    """Filter conversations with errors."""

    title = gettext_lazy("errors")
    parameter_name = "had_errors"
    choice_labels = {"yes": gettext_lazy("With errors")}  # noqa: RUF012 -- as the base has it

    @override
    def apply_choice(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(had_errors=True)


class ResultFilter(ChoiceFilter):
    """Filter conversations by what became of what the customer wanted."""

    title = gettext_lazy("result")
    parameter_name = "result"
    choice_labels = RESULT_LABELS


class StartedFilter(PeriodFilter):
    """Filter by start time."""

    title = gettext_lazy("began")
    field = "started_at"


class OutcomeFilter(ChoiceFilter):
    """Filter tool calls by outcome."""

    title = gettext_lazy("outcome")
    parameter_name = "outcome"
    choice_labels = OUTCOME_LABELS


class ToolFilter(ChoiceFilter):
    """Filter tool calls by tool: one of the assistant's, or any that the query string names."""

    title = gettext_lazy("tool")
    parameter_name = "name"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        requested = request.GET.get("name")
        names = list(getattr(model_admin.admin_site, "tool_names", ()))
        if requested:
            names.append(requested)
        return [(name, tool_label(name)) for name in dict.fromkeys(names)]


@admin.register(Conversation)
class ConversationAdmin(ReadOnlyRecordAdmin[Conversation]):
    """The list of conversations, the latest first, and the page of one."""

    change_form_template = "conversations/conversation.html"
    fields = ("id",)
    list_display = ("began", "length", "outcome", "wanted", "result_shown", "turns", "cost")
    list_filter = (StateFilter, ResultFilter, StartedFilter, ErrorsFilter)
    sortable_fields = frozenset({"started_at"})
    search_help_text = gettext_lazy("Words from the conversation, or the call's id.")
    search_limit_message = gettext_lazy(
        "Only the latest %(limit)s utterances were searched, and at most 300 conversations are shown. "
        "A filter narrows the search."
    )

    class Media:
        """Style of the transcript, and the script that updates it while it is live."""

        css = {"all": ["conversations/transcript.css"]}  # noqa: RUF012 -- Django's way
        js = (Script("conversations/live.js", type="module"),)

    # --- Lists

    @admin.display(description=gettext_lazy("began"), ordering="started_at")
    def began(self, conversation: Conversation) -> str:
        """Return the start time."""
        return format_instant(conversation.started_at)

    @admin.display(description=gettext_lazy("length"))
    def length(self, conversation: Conversation) -> str:
        """Return how long the call lasted, or has lasted so far."""
        return format_length(conversation.value.duration_at(now()))

    @admin.display(description=gettext_lazy("turns"))
    def turns(self, conversation: Conversation) -> int:
        """Return the number of turns."""
        return conversation.value.statistics.turns

    @admin.display(description=gettext_lazy("wanted"))
    def wanted(self, conversation: Conversation) -> str:
        """Return what the customer wanted."""
        return format_wanted(conversation.value.wanted)

    @admin.display(description=gettext_lazy("result"))
    def result_shown(self, conversation: Conversation) -> str:
        """Return what became of it, and why."""
        value = conversation.value
        if value.result is None:
            return "–"
        return format_html(
            '<span class="state state-{}">{}</span> <span class="why">{}</span>',
            value.result,
            format_result(value.result),
            error_label(value.result_code) if value.result_code else "",
        )

    @admin.display(description=gettext_lazy("outcome"))
    def outcome(self, conversation: Conversation) -> str:
        """Return the state, or why the call ended, and its error codes."""
        state = ConversationState(conversation.state)
        label = format_reason(conversation.value) or STATE_LABELS[state]
        errors = format_errors(conversation.value)
        shown = format_html('<span class="state state-{}">{}</span>', state.value, label)
        return format_html('{} <span class="why">{}</span>', shown, errors) if errors else shown

    @admin.display(description=gettext_lazy("cost"))
    def cost(self, conversation: Conversation) -> str:
        """Return the cost of the model."""
        return format_cost(conversation.value.cost_usd)

    # --- One conversation

    @override
    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Conversation | None = None,
    ) -> Any:
        assert obj is not None  # staff can't add conversations, so there is no form without one
        context |= {"title": _("Conversation"), "subtitle": None, **_transcript_context(obj.id)}
        return super().render_change_form(request, context, add, change, form_url, obj)

    @override
    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.transcript)
        transcript = path("<str:call_id>/talk/", view, name="conversations_transcript")
        return [transcript, *super().get_urls()]

    def transcript(self, request: HttpRequest, call_id: str) -> HttpResponse:
        """Return the current transcript without the page around it, for `live.js`."""
        if not self.has_view_permission(request):
            return HttpResponse(status=403)
        try:
            context = _transcript_context(call_id)
        except ConversationNotFoundError as error:
            raise Http404 from error
        return TemplateResponse(request, "conversations/transcript.html", context)

    @override
    def delete_record(self, record: Conversation) -> None:
        services.delete_conversation(
            call_id=record.id, unchanged_since=record.updated_at, now=now()
        )

    @override
    def csv_columns(
        self, request: HttpRequest
    ) -> Sequence[tuple[str, Callable[[Conversation], object]]]:
        exported_at = now()
        return [
            (_("call"), lambda each: each.id),
            (_("began"), lambda each: format_csv_instant(each.started_at)),
            (
                _("length in seconds"),
                lambda each: round(each.value.duration_at(exported_at).total_seconds()),
            ),
            (_("state"), lambda each: str(STATE_LABELS[ConversationState(each.state)])),
            (_("ended by"), lambda each: format_reason(each.value)),
            (_("turns"), lambda each: each.value.statistics.turns),
            (_("wanted"), lambda each: format_wanted(each.value.wanted)),
            (_("result"), lambda each: format_result(each.value.result or "")),
            (_("why not"), lambda each: each.value.result_code or ""),
            (_("tools"), lambda each: each.value.statistics.tool_calls),
            (_("interruptions"), lambda each: each.value.statistics.interruptions),
            (_("resumed"), lambda each: each.value.statistics.resumes),
            (_("sessions renewed"), lambda each: each.value.statistics.rotations),
            (_("speech tokens in"), lambda each: each.value.statistics.tokens.speech_in),
            (_("text tokens in"), lambda each: each.value.statistics.tokens.text_in),
            (_("speech tokens out"), lambda each: each.value.statistics.tokens.speech_out),
            (_("text tokens out"), lambda each: each.value.statistics.tokens.text_out),
            (_("cost in US dollars"), lambda each: each.value.cost_usd),
            (_("median wait in ms"), lambda each: each.value.statistics.latency.median_ms),
            (_("longest wait in ms"), lambda each: each.value.statistics.latency.max_ms),
            (_("errors"), lambda each: format_errors(each.value)),
        ]


@admin.register(ToolRun)
class ToolRunAdmin(ReadOnlyRecordAdmin[ToolRun]):
    """The list of the tool calls of all conversations, the latest first."""

    fields = ("tool", "outcome_shown", "began", "took", "asked", "conversation")
    list_display = ("began", "tool", "outcome_shown", "took", "asked", "conversation")
    list_display_links = None
    list_filter = (ToolFilter, OutcomeFilter, StartedFilter)
    search_fields: ClassVar[Any] = ()
    sortable_fields = frozenset({"started_at"})

    class Media:
        """Style of the arguments."""

        css = {"all": ["conversations/transcript.css"]}  # noqa: RUF012 -- Django's way

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: ToolRun | None = None) -> Any:
        return self.fields

    @admin.display(description=gettext_lazy("began"), ordering="started_at")
    def began(self, run: ToolRun) -> str:
        """Return the start time."""
        return format_instant(run.started_at)

    @admin.display(description=gettext_lazy("tool"))
    def tool(self, run: ToolRun) -> str:
        """Return what the tool does."""
        return tool_label(run.name)

    @admin.display(description=gettext_lazy("outcome"))
    def outcome_shown(self, run: ToolRun) -> str:
        """Return the outcome as a coloured label, and the error code."""
        label = OUTCOME_LABELS[run.value.outcome]
        shown = format_html('<span class="state state-{}">{}</span>', run.outcome, label)
        why = error_label(run.value.error_code or "")
        return format_html('{} <span class="why">{}</span>', shown, why) if why else shown

    @admin.display(description=gettext_lazy("took"))
    def took(self, run: ToolRun) -> str:
        """Return how long the tool took."""
        return format_latency(run.value.duration_ms) or "–"

    @admin.display(description=gettext_lazy("asked for"))
    def asked(self, run: ToolRun) -> str:
        """Return the arguments, shortened."""
        return format_arguments(run.value.arguments)

    @admin.display(description=gettext_lazy("conversation"))
    def conversation(self, run: ToolRun) -> str:
        """Return a link to the conversation in which it ran."""
        url = reverse("admin:conversations_conversation_change", args=[run.call_id])
        return format_html('<a href="{}">{}</a>', url, run.call_id[:8])

    @override
    def csv_columns(
        self, request: HttpRequest
    ) -> Sequence[tuple[str, Callable[[ToolRun], object]]]:
        return [
            (_("call"), lambda run: run.call_id),
            (_("began"), lambda run: format_csv_instant(run.started_at)),
            (_("tool"), lambda run: tool_label(run.name)),
            (_("outcome"), lambda run: str(OUTCOME_LABELS[run.value.outcome])),
            (
                _("error"),
                lambda run: error_label(run.value.error_code or ""),
            ),
            (_("took, in ms"), lambda run: run.value.duration_ms),
            (_("asked for"), lambda run: format_arguments(run.value.arguments, max_length=10_000)),
        ]


def _transcript_context(call_id: str) -> dict[str, Any]:
    read_at = now()
    return transcript_context(services.get_transcript(call_id=call_id, now=read_at), read_at)
