"""Dialogue manager: the state of one conversation, and the reply to each utterance.

At any time there is at most one task. It is being asked about (slots are missing), its tool runs, or it is
done. A done task remains the topic, so that "no, el dos", "¿y qué productos tiene?" and "cancelalo" are
understood. An utterance is, in this order: the answer to a yes-or-no question, a new intent, an answer or
correction of the task, a choice among offered alternatives, or small talk. Only explicit verbs start a new
intent while a question is open: "quiero el viernes" is an answer. An utterance with two intents is split;
the second one waits until the first is done.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from nova_sonic_simulator.dialogue import small_talk
from nova_sonic_simulator.dialogue.answers import Answers
from nova_sonic_simulator.dialogue.business import read_business
from nova_sonic_simulator.dialogue.directives import Directive, parse_directive
from nova_sonic_simulator.dialogue.general import GeneralDialogue
from nova_sonic_simulator.dialogue.history import remove_expected
from nova_sonic_simulator.dialogue.inquiries import (
    FREE_TIMES,
    MESSAGE,
    OWN_APPOINTMENTS,
    OWN_ORDERS,
    find_inquiry,
    listed_records,
)
from nova_sonic_simulator.dialogue.nlu.disfluencies import is_filler
from nova_sonic_simulator.dialogue.nlu.interpretation import DialogueAct, Interpretation, interpret
from nova_sonic_simulator.dialogue.nlu.splitting import split_intents
from nova_sonic_simulator.dialogue.priorities import (
    Priorities,
    join_figures,
    remember_customer,
)
from nova_sonic_simulator.dialogue.reply import Reply
from nova_sonic_simulator.dialogue.responses import describe_outcome
from nova_sonic_simulator.dialogue.results import describe
from nova_sonic_simulator.dialogue.schema_tools import properties_of
from nova_sonic_simulator.dialogue.setup import DialogueSetup
from nova_sonic_simulator.dialogue.slots import Intent, Operation, Subject
from nova_sonic_simulator.dialogue.state import DialogueState, RunningCalls, Stage
from nova_sonic_simulator.dialogue.task_flow import TaskFlow
from nova_sonic_simulator.dialogue.tasks import IDENTITY_SLOTS, LOOKING_UP, Task
from nova_sonic_simulator.dialogue.tool_results import ToolResults
from nova_sonic_simulator.dialogue.understanding import (
    complete,
    gives_up,
    interpret_in_context,
    is_only_greeting,
    is_out_of_scope,
    only_fills_slots,
    with_listed_number,
)


class DialogueManager:
    """The dialogue with one customer. Pure: no I/O, no clock."""

    def __init__(self, setup: DialogueSetup) -> None:
        parameters = {tool.name: properties_of(tool).keys() for tool in setup.tools}
        others = tuple(tool for tool in setup.tools if tool.name not in Intent)
        self._other_tools = GeneralDialogue(replace(setup, tools=others)) if others else None
        self._state = DialogueState(style=setup.style)
        self._running = RunningCalls()
        self._parameters = parameters
        self._business = read_business(setup.system_prompt)
        self._flow = TaskFlow(
            self._state,
            self._running,
            parameters=parameters,
            has_catalogue=self._business.has_catalogue,
        )
        self._answers = Answers(self._state, self._flow)
        self._priorities = Priorities(
            self._state, self._business, self._other_tools, takes_messages=MESSAGE in parameters
        )
        self._results = ToolResults(self._state, self._running)

    def restore(self, turns: Sequence[tuple[str, str]], *, now: datetime) -> None:
        """Restore the state after these turns, each a role and a text.

        The customer's turns are interpreted as they were then; names are as they are written. Tool results are inferred from the
        assistant's turns. Tools that were still running are not called again.
        """
        expected = ""
        for role, text in turns:
            if role == "USER":
                reply = self.respond(text, now=now, is_typed=True)
                expected = self._state.style.strip_marker(reply.sentences)
            else:
                said_then = self._state.style.strip_marker((text,))
                self._results.replay(remove_expected(said_then, expected), now)
                self._state.last_reply = Reply(sentences=(said_then,))
        self._running.restored()
        self._state.queued.clear()

    def respond(self, text: str, *, now: datetime, is_typed: bool = False) -> Reply:
        """Respond to what the customer said or typed.

        Args:
            text: What was heard, or typed.
            now: The current time, aware, in the business's time zone.
            is_typed: Whether the text is the customer's own, so that names are spelled as in it.

        """
        if not text.strip():
            return Reply()
        if (directive := parse_directive(text)) is not None:
            return self._follow_directive(directive, now)
        first, *others = split_intents(text)
        interpretation = self._interpret(first, now, is_typed=is_typed)
        interpretation = join_figures(self._state, interpretation, text)
        if others:
            whole = interpret(text, now=now, is_typed=is_typed)
            shared = whole.slots.only(*IDENTITY_SLOTS)
            self._state.queued.extend((other, shared, is_typed) for other in others)
            slots = shared.updated(interpretation.slots)
            interpretation = replace(interpretation, slots=slots)
        remember_customer(self._state, interpretation)
        reply = self._state.remember_reply(
            self._answer_meta(interpretation)
            or self._priorities.answer(interpretation, text)
            or self._confirm_other_tool(text, now, is_typed=is_typed)
            or self._answer_greeting(interpretation, text)
            or self._answer_about_business(interpretation, text)
            or self._answer_inquiry(interpretation, text, now)
            or self._handle(interpretation, text, now, is_typed=is_typed)
        )
        return self._with_reason(reply, interpretation)

    def _with_reason(self, reply: Reply, said: Interpretation) -> Reply:
        """Return the reply after the sentence that says why it asks again."""
        if not reply.sentences or reply.tool_calls:
            return reply
        if said.names_no_day:
            return replace(reply, sentences=(small_talk.NO_SUCH_DAY, *reply.sentences))
        if DialogueAct.INSULT in said.acts and small_talk.SORRY not in reply.sentences[0]:
            return replace(reply, sentences=(small_talk.SORRY, *reply.sentences))
        return reply

    def respond_to_numbers(self, words: Sequence[str], *, now: datetime) -> Reply:
        """Respond to numbers coded in the audio; the state of the dialogue does not change."""
        del now
        self._state.was_interrupted = False
        return self._state.final_reply(small_talk.describe_numbers(words)) if words else Reply()

    def handle_tool_result(
        self, *, tool_use_id: str, name: str, result: dict[str, Any], now: datetime
    ) -> Reply:
        """Respond to a tool's result, from that result only."""
        del tool_use_id  # The id is not known here; calls of the same tool are answered in order.
        task = self._running.finish(name)
        if task is not None and task is self._state.aside:
            return self._answer_aside(task, result, now)
        if task is None:
            return self._answer_unknown_call(name, result, now)
        if task is not self._state.task and task.intent in LOOKING_UP:
            # The customer has moved on; only changes are still worth reporting.
            return Reply()
        return self._answer(task, result, now)

    def handle_interruption(self) -> None:
        """Handle a barge-in: a following "no" then means "stop talking"."""
        self._state.was_interrupted = True

    # Results.

    def _answer_aside(self, task: Task, result: dict[str, Any], now: datetime) -> Reply:
        """Answer a question about a change that waits, and ask again for its confirmation."""
        self._state.aside = None
        sentences = self._results.answer(task, result, now)
        return self._state.remember_reply(
            self._state.final_reply(*sentences, self._state.open_question())
        )

    def _answer(self, task: Task, result: dict[str, Any], now: datetime) -> Reply:
        is_topic = task is self._state.task
        sentences = self._results.answer(task, result, now)
        if not is_topic:
            return self._state.final_reply(*sentences)
        return self._state.remember_reply(self._continue(sentences, now))

    def _continue(self, sentences: tuple[str, ...], now: datetime) -> Reply:
        """Say the sentences and go on with the next queued intent, if no question is open."""
        if (
            not self._state.queued
            or self._state.offer is not None
            or self._state.confirmation is not None
        ):
            return self._state.final_reply(*sentences)
        text, shared, is_typed = self._state.queued.popleft()
        interpretation = self._interpret(text, now, is_typed=is_typed)
        slots = shared.updated(interpretation.slots)
        following = self._handle(replace(interpretation, slots=slots), text, now, is_typed=is_typed)
        return Reply(sentences=(*sentences, *following.sentences), tool_calls=following.tool_calls)

    def _follow_directive(self, directive: Directive, now: datetime) -> Reply:
        self._state.was_interrupted = False
        if directive.result is None:
            return self._state.remember_reply(Reply(sentences=directive.sentences))
        result = dict(directive.result)
        task = self._running.finish_any(directive.tool)
        if task is None:
            return self._answer_unknown_call(directive.tool, result, now)
        return self._answer(task, result, now)

    def _answer_unknown_call(self, name: str, result: dict[str, Any], now: datetime) -> Reply:
        """Respond to the result of an unknown call, from its name and result only."""
        if name not in Intent:
            return self._state.remember_reply(self._answer_other_tool(name, result, now))
        sentences = self._results.answer_unknown_call(Intent(name), result, now)
        return self._state.remember_reply(self._state.final_reply(*sentences))

    def _answer_other_tool(self, name: str, result: dict[str, Any], now: datetime) -> Reply:
        if self._other_tools is None:
            return self._state.final_reply(*describe(result, self._state.style.language))
        if name in {OWN_APPOINTMENTS, OWN_ORDERS}:
            self._state.listed = listed_records(name, result)
        if name == FREE_TIMES and self._flow.can(Intent.BOOK_APPOINTMENT):
            self._results.offer_free_times(result)
        return self._other_tools.handle_tool_result(
            tool_use_id="", name=name, result=result, now=now
        )

    # Utterances.

    def _interpret(self, text: str, now: datetime, *, is_typed: bool) -> Interpretation:
        said = interpret_in_context(self._state, text, now, is_typed=is_typed)
        if said.slots.at is not None:
            self._state.doubtful_time = said.slots.at if said.time_is_doubtful else None
        return said

    def _answer_meta(self, said: Interpretation) -> Reply | None:
        """Return the reply to "stop talking" and "say that again"."""
        was_interrupted, self._state.was_interrupted = self._state.was_interrupted, False
        if said.operation is not None:
            return None
        if was_interrupted and said.acts & {DialogueAct.NO, DialogueAct.STOP, DialogueAct.WAIT}:
            return self._state.final_reply(small_talk.LISTENING)
        if DialogueAct.REPEAT in said.acts and self._state.last_reply.sentences:
            return self._state.last_reply
        return None

    def _handle(self, said: Interpretation, text: str, now: datetime, *, is_typed: bool) -> Reply:
        for attempt in (
            self._answers.answer_confirmation,
            self._answer_negation,
            self._answer_goodbye,
            self._answer_outcome,
        ):
            reply = attempt(said, now)
            if reply is not None:
                return reply
        said = with_listed_number(self._state, complete(self._state, said), text)
        if said.operation is Operation.RESCHEDULE and said.subject is Subject.ORDER:
            return self._state.final_reply(small_talk.ORDERS_DO_NOT_CHANGE)
        if not (said.subject_is_named or said.operation_is_explicit or self._state.awaits_answer):
            other = self._call_other_tool(text, now, is_typed=is_typed)
            if other is not None:
                return other
        if is_out_of_scope(self._state, said):
            return self._call_other_tool(text, now, is_typed=is_typed) or self._state.final_reply(
                *(self._business.answer_out_of_scope() or (small_talk.OUT_OF_SCOPE,))
            )
        if said.operation is not None and not only_fills_slots(self._state, said):
            return self._flow.start(said, now)
        return (
            self._answers.choose_alternative(said, now)
            or self._answers.update_task(said, now)
            or self._call_other_tool(text, now, is_typed=is_typed)
            or self._small_talk(said, text)
        )

    def _answer_negation(self, said: Interpretation, now: datetime) -> Reply | None:
        """Handle "no canceles nada", with no other intent beside it."""
        del now
        if not said.negated or said.operation is not None or any(said.slots.filled()):
            return None
        if self._state.task is not None and self._state.stage is Stage.ASKING:
            self._state.drop_task()
            return self._state.final_reply(small_talk.TASK_DROPPED)
        return self._state.final_reply(small_talk.NOTHING_CHANGED)

    def _answer_goodbye(self, said: Interpretation, now: datetime) -> Reply | None:
        """Handle giving up the task, and goodbyes."""
        del now
        is_bare = not any(said.slots.filled())
        if gives_up(self._state, said) and is_bare:
            self._state.drop_task()
            return self._state.final_reply(small_talk.TASK_DROPPED)
        if DialogueAct.BYE in said.acts and said.operation is None and is_bare:
            self._state.drop_task()
            return self._state.final_reply(small_talk.BYE)
        return None

    def _answer_outcome(self, said: Interpretation, now: datetime) -> Reply | None:
        """Handle "¿quedó cancelado?" about the task."""
        task = self._state.task
        if not said.asks_outcome or said.operation_is_explicit or task is None:
            return None
        if said.slots.number not in {None, task.slots.number}:
            return None
        if task.intent in LOOKING_UP:
            return self._flow.advance(task, now)
        outcomes = {
            Stage.DONE: (describe_outcome(task),),
            Stage.DROPPED: (small_talk.DROPPED,),
            Stage.CALLING: (small_talk.STILL_RUNNING,),
            Stage.ASKING: (small_talk.NOT_YET, self._state.last_question),
        }
        refused = (small_talk.NOT_DONE, self._state.last_refusal)
        return self._state.final_reply(*outcomes.get(self._state.stage, refused))

    def _answer_about_business(self, said: Interpretation, text: str) -> Reply | None:
        """Return the reply to a question whose answer is in the system prompt."""
        names_record = said.slots.number is not None or bool(said.slots.items)
        # About an order that is spoken of, "¿cuánto sale?" is its total.
        is_about_task = said.aspect is not None and self._state.task is not None
        if said.operation_is_explicit or names_record or is_about_task:
            return None
        is_about_visit = said.subject is Subject.APPOINTMENT
        fact = self._business.answer_question(text, is_about_visit=is_about_visit)
        return self._state.final_reply(fact, self._state.open_question()) if fact else None

    def _answer_greeting(self, said: Interpretation, text: str) -> Reply | None:
        is_greeting = is_only_greeting(self._state, said, text)
        return self._small_talk(said, text) if is_greeting else None

    def _answer_inquiry(self, said: Interpretation, text: str, now: datetime) -> Reply | None:
        """Return the reply to a question about free times or one's own records, else None."""
        if self._other_tools is None:
            return None
        task = self._state.task
        call = find_inquiry(
            text,
            self._parameters,
            known=self._state.customer.updated(said.slots.only(*IDENTITY_SLOTS, "number")),
            doctor=None if task is None else task.slots.doctor,
            now=now,
        )
        return None if call is None else self._other_tools.begin(call)

    def _call_other_tool(self, text: str, now: datetime, *, is_typed: bool) -> Reply | None:
        if self._other_tools is None:
            return None
        return self._other_tools.call_tool(text, now=now, is_typed=is_typed)

    def _confirm_other_tool(self, text: str, now: datetime, *, is_typed: bool) -> Reply | None:
        if self._other_tools is None or self._state.awaits_answer:
            return None
        return self._other_tools.answer_confirmation(text, now=now, is_typed=is_typed)

    def _small_talk(self, said: Interpretation, text: str) -> Reply:
        # "¿No me la dejás en 500?" is no answer.
        answers = {DialogueAct.YES, DialogueAct.NO} if said.is_question else set()
        acts = said.acts - answers
        if self._state.task is not None and self._state.stage is Stage.ASKING:
            return self._ask_again(acts)
        polite = small_talk.small_talk_reply(acts, self._state.style)
        if polite is small_talk.LISTENING and self._state.stage in {Stage.DONE, Stage.DROPPED}:
            polite = small_talk.ANYTHING_ELSE
        if polite is not None:
            return self._state.final_reply(polite)
        return self._state.final_reply(*_not_understood(said, text))

    def _ask_again(self, acts: frozenset[DialogueAct]) -> Reply:
        """Repeat the open question, after what the customer's words call for."""
        again = self._state.last_question
        if self._state.figures:
            return self._state.final_reply(small_talk.FIGURES)
        if DialogueAct.WHY in acts and self._state.last_refusal:
            return self._state.final_reply(self._state.last_refusal, again)
        before = small_talk.patience(acts)
        if before is not None:
            return self._state.final_reply(before, again)
        is_plea = acts & {DialogueAct.HELP, DialogueAct.GREETING, DialogueAct.YES}
        return self._state.final_reply(again if is_plea else f"{small_talk.NOT_UNDERSTOOD} {again}")


def _not_understood(said: Interpretation, text: str) -> tuple[str, ...]:
    """Return the sentences for an utterance with which nothing can be done."""
    if not any(sign.isalnum() for sign in text) or is_filler(text):
        return (small_talk.STILL_THERE,)
    if said.subject is not None:
        return (small_talk.HELP,)
    if said.is_question:
        return (small_talk.OUT_OF_SCOPE,)
    return small_talk.not_understood(text), small_talk.WHAT_DO_YOU_NEED
