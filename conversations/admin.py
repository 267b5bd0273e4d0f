"""The staff's door to conversations: they look, and a supervisor may have one forgotten."""

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
from common.timestamps import to_iso
from conversations import services
from conversations.admin_records import OUTCOME_LABELS, STATE_LABELS, Conversation, ToolRun
from conversations.admin_transcript import (
    arguments_in_short,
    cost,
    ending,
    length,
    took,
    transcript_context,
)
from conversations.domain import State
from conversations.errors import ConversationGoneError
from staff.admin import ReadOnlyRecordAdmin
from staff.filters import ChoiceFilter, PeriodFilter
from staff.formatting import format_instant


class StateFilter(ChoiceFilter):
    """Conversations of one state."""

    title = gettext_lazy("state")
    parameter_name = "state"
    choices_shown = STATE_LABELS


class ErrorsFilter(ChoiceFilter):
    """Conversations in which something went wrong."""

    title = gettext_lazy("errors")
    parameter_name = "had_errors"
    choices_shown = {"yes": gettext_lazy("With errors")}  # noqa: RUF012 -- as the base has it

    @override
    def chosen(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(had_errors=True)


class BeganFilter(PeriodFilter):
    """What began lately."""

    title = gettext_lazy("began")
    field = "started_at"


class OutcomeFilter(ChoiceFilter):
    """Tool runs of one outcome."""

    title = gettext_lazy("outcome")
    parameter_name = "outcome"
    choices_shown = OUTCOME_LABELS


class ToolFilter(ChoiceFilter):
    """Runs of one tool: of those the assistant has, or of any, by the list's address."""

    title = gettext_lazy("tool")
    parameter_name = "name"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        asked = request.GET.get("name")
        names = [*getattr(model_admin.admin_site, "tool_names", ()), *([asked] if asked else [])]
        return [(name, name) for name in dict.fromkeys(names)]


@admin.register(Conversation)
class ConversationAdmin(ReadOnlyRecordAdmin[Conversation]):
    """Conversations, the latest first."""

    change_form_template = "conversations/conversation.html"
    fields = ("id",)
    list_display = ("began", "length", "outcome", "turns", "tools", "cost")
    list_filter = (StateFilter, BeganFilter, ErrorsFilter)
    sorts_by = frozenset({"started_at"})
    search_help_text = gettext_lazy("Words of what was said, or the call's id.")
    search_stopped = gettext_lazy(
        "Only the %(limit)s latest things said were searched, and 300 conversations found. A filter "
        "narrows it down."
    )

    class Media:
        """Shows a conversation that goes on as it goes on."""

        css = {"all": ["conversations/talk.css"]}  # noqa: RUF012 -- Django's way
        js = (Script("conversations/live.js", type="module"),)

    # --- Lists

    @admin.display(description=gettext_lazy("began"), ordering="started_at")
    def began(self, conversation: Conversation) -> str:
        """Return when it began."""
        return format_instant(conversation.started_at)

    @admin.display(description=gettext_lazy("length"))
    def length(self, conversation: Conversation) -> str:
        """Return how long it was, or is by now."""
        return length(conversation.value.lasted(now()))

    @admin.display(description=gettext_lazy("turns"))
    def turns(self, conversation: Conversation) -> int:
        """Return how often the customer had the word."""
        return conversation.value.progress.turns

    @admin.display(description=gettext_lazy("tools"))
    def tools(self, conversation: Conversation) -> int:
        """Return how many tool runs there were."""
        return conversation.value.progress.tool_runs

    @admin.display(description=gettext_lazy("outcome"))
    def outcome(self, conversation: Conversation) -> str:
        """Return whether it goes on, or why it ended, and the codes of what went wrong in it."""
        state = State(conversation.state)
        label = ending(conversation.value) or STATE_LABELS[state]
        codes = ", ".join(dict.fromkeys(conversation.value.progress.errors))
        shown = format_html('<span class="state state-{}">{}</span>', state.value, label)
        return format_html("{}<code>{}</code>", shown, codes) if codes else shown

    @admin.display(description=gettext_lazy("cost"))
    def cost(self, conversation: Conversation) -> str:
        """Return what the model cost."""
        return cost(conversation.value.cost_usd)

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
        assert obj is not None  # there is no form to add one
        context |= {"title": _("Conversation"), "subtitle": None, **talk_of(obj.id)}
        return super().render_change_form(request, context, add, change, form_url, obj)

    @override
    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.talk)
        talk = path("<str:call_id>/talk/", view, name="conversations_talk")
        return [talk, *super().get_urls()]

    def talk(self, request: HttpRequest, call_id: str) -> HttpResponse:
        """Return the conversation as it is now, without the page around it."""
        if not self.has_view_permission(request):
            return HttpResponse(status=403)
        try:
            context = talk_of(call_id)
        except ConversationGoneError as error:
            raise Http404 from error
        return TemplateResponse(request, "conversations/talk.html", context)

    @override
    def remove(self, record: Conversation) -> None:
        services.delete_conversation(
            call_id=record.id, unchanged_since=record.updated_at, now=now()
        )

    @override
    def columns(
        self, request: HttpRequest
    ) -> Sequence[tuple[str, Callable[[Conversation], object]]]:
        at = now()
        return [
            (_("call"), lambda one: one.id),
            (_("began"), lambda one: to_iso(one.started_at)),
            (_("length in seconds"), lambda one: round(one.value.lasted(at).total_seconds())),
            (_("state"), lambda one: str(STATE_LABELS[State(one.state)])),
            (_("ended by"), lambda one: ending(one.value)),
            (_("turns"), lambda one: one.value.progress.turns),
            (_("tools"), lambda one: one.value.progress.tool_runs),
            (_("interruptions"), lambda one: one.value.progress.interruptions),
            (_("resumed"), lambda one: one.value.progress.resumes),
            (_("sessions renewed"), lambda one: one.value.progress.renewals),
            (_("tokens of speech heard"), lambda one: one.value.progress.tokens.speech_in),
            (_("tokens of text read"), lambda one: one.value.progress.tokens.text_in),
            (_("tokens of speech spoken"), lambda one: one.value.progress.tokens.speech_out),
            (_("tokens of text written"), lambda one: one.value.progress.tokens.text_out),
            (_("cost in US dollars"), lambda one: one.value.cost_usd),
            (_("median wait in ms"), lambda one: one.value.progress.latency.median_ms),
            (_("longest wait in ms"), lambda one: one.value.progress.latency.max_ms),
            (_("errors"), lambda one: " ".join(one.value.progress.errors)),
        ]


@admin.register(ToolRun)
class ToolRunAdmin(ReadOnlyRecordAdmin[ToolRun]):
    """What tools did in all calls, the latest first."""

    fields = ("name", "outcome_shown", "began", "took", "asked", "conversation")
    list_display = ("began", "name", "outcome_shown", "took", "asked", "conversation")
    list_display_links = None
    list_filter = (ToolFilter, OutcomeFilter, BeganFilter)
    search_fields: ClassVar[Any] = ()
    sorts_by = frozenset({"started_at"})

    class Media:
        """How arguments look."""

        css = {"all": ["conversations/talk.css"]}  # noqa: RUF012 -- Django's way

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: ToolRun | None = None) -> Any:
        return self.fields

    @admin.display(description=gettext_lazy("began"), ordering="started_at")
    def began(self, run: ToolRun) -> str:
        """Return when it began."""
        return format_instant(run.started_at)

    @admin.display(description=gettext_lazy("outcome"))
    def outcome_shown(self, run: ToolRun) -> str:
        """Return the outcome as a coloured word, and the code of what went wrong."""
        label = OUTCOME_LABELS[run.value.outcome]
        shown = format_html('<span class="state state-{}">{}</span>', run.outcome, label)
        return format_html("{}<code>{}</code>", shown, run.value.code) if run.value.code else shown

    @admin.display(description=gettext_lazy("took"))
    def took(self, run: ToolRun) -> str:
        """Return how long it took."""
        return took(run.value.duration_ms) or "–"

    @admin.display(description=gettext_lazy("asked for"))
    def asked(self, run: ToolRun) -> str:
        """Return the arguments in a few words."""
        return arguments_in_short(run.value.arguments)

    @admin.display(description=gettext_lazy("conversation"))
    def conversation(self, run: ToolRun) -> str:
        """Return a link to the conversation in which it ran."""
        url = reverse("admin:conversations_conversation_change", args=[run.call_id])
        return format_html('<a href="{}">{}</a>', url, run.call_id[:8])

    @override
    def columns(self, request: HttpRequest) -> Sequence[tuple[str, Callable[[ToolRun], object]]]:
        return [
            (_("call"), lambda run: run.call_id),
            (_("began"), lambda run: to_iso(run.started_at)),
            (_("tool"), lambda run: run.name),
            (_("outcome"), lambda run: str(OUTCOME_LABELS[run.value.outcome])),
            (_("error"), lambda run: run.value.code or ""),
            (_("took, in ms"), lambda run: run.value.duration_ms),
            (_("asked for"), lambda run: arguments_in_short(run.value.arguments, at_most=10_000)),
        ]


def talk_of(call_id: str) -> dict[str, Any]:
    """Return what a page of a conversation shows now."""
    at = now()
    return transcript_context(services.get_conversation(call_id=call_id, now=at), at)
