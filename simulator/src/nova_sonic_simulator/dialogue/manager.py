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
from nova_sonic_simulator.dialogue.directives import Directive, parse_directive
from nova_sonic_simulator.dialogue.general import GeneralDialogue
from nova_sonic_simulator.dialogue.history import remove_expected
from nova_sonic_simulator.dialogue.inquiries import FREE_TIMES, find_inquiry
from nova_sonic_simulator.dialogue.nlu.interpretation import DialogueAct, Interpretation, interpret
from nova_sonic_simulator.dialogue.nlu.splitting import split_intents
from nova_sonic_simulator.dialogue.questions import question
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
        self._flow = TaskFlow(self._state, self._running, parameters=parameters)
        self._answers = Answers(self._state, self._flow)
        self._results = ToolResults(self._state, self._running)

    def restore(self, turns: Sequence[tuple[str, str]], *, now: datetime) -> None:
        """Restore the state after these turns, each a role and a text.

        The customer's turns are interpreted as they were then. Tool results are inferred from the
        assistant's turns. Tools that were still running are not called again.
        """
        expected = ""
        for role, text in turns:
            if role == "USER":
                expected = self._state.style.strip_marker(self.respond(text, now=now).sentences)
            else:
                said_then = self._state.style.strip_marker((text,))
                self._results.replay(remove_expected(said_then, expected), now)
                self._state.last_reply = Reply(sentences=(said_then,))
        self._running.restored()
        self._state.queued.clear()

    def respond(self, text: str, *, now: datetime) -> Reply:
        """Respond to what the customer said or typed; `now` is aware, in the business's time zone."""
        if not text.strip():
            return Reply()
        if (directive := parse_directive(text)) is not None:
            return self._follow_directive(directive, now)
        first, *others = split_intents(text)
        interpretation = interpret_in_context(self._state, first, now)
        if others:
            shared = interpret(text, now=now).slots.only(*IDENTITY_SLOTS)
            self._state.queued.extend((other, shared) for other in others)
            slots = shared.updated(interpretation.slots)
            interpretation = replace(interpretation, slots=slots)
        return self._state.remember_reply(
            self._answer_meta(interpretation)
            or self._confirm_other_tool(text, now)
            or self._answer_greeting(interpretation, text)
            or self._answer_inquiry(interpretation, text, now)
            or self._handle(interpretation, text, now)
        )

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
        text, shared = self._state.queued.popleft()
        interpretation = interpret_in_context(self._state, text, now)
        slots = shared.updated(interpretation.slots)
        following = self._handle(replace(interpretation, slots=slots), text, now)
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
        if name == FREE_TIMES and self._flow.can(Intent.BOOK_APPOINTMENT):
            self._results.offer_free_times(result)
        return self._other_tools.handle_tool_result(
            tool_use_id="", name=name, result=result, now=now
        )

    # Utterances.

    def _answer_meta(self, said: Interpretation) -> Reply | None:
        """Return the reply to "stop talking" and "say that again"."""
        was_interrupted, self._state.was_interrupted = self._state.was_interrupted, False
        if said.operation is not None:
            return None
        if was_interrupted and said.acts & {DialogueAct.NO, DialogueAct.STOP}:
            return self._state.final_reply(small_talk.LISTENING)
        if DialogueAct.REPEAT in said.acts and self._state.last_reply.sentences:
            return self._state.last_reply
        return None

    def _handle(self, said: Interpretation, text: str, now: datetime) -> Reply:
        for attempt in (
            self._answers.answer_confirmation,
            self._answer_negation,
            self._answer_goodbye,
            self._answer_outcome,
        ):
            reply = attempt(said, now)
            if reply is not None:
                return reply
        said = complete(self._state, said)
        if said.operation is Operation.RESCHEDULE and said.subject is Subject.ORDER:
            return self._state.final_reply(small_talk.ORDERS_DO_NOT_CHANGE)
        if not (said.subject_is_named or said.operation_is_explicit or self._state.awaits_answer):
            other = self._call_other_tool(text, now)
            if other is not None:
                return other
        if is_out_of_scope(self._state, said):
            return self._call_other_tool(text, now) or self._state.final_reply(
                small_talk.OUT_OF_SCOPE
            )
        if said.operation is not None and not only_fills_slots(self._state, said):
            return self._flow.start(said, now)
        return (
            self._answers.choose_alternative(said, now)
            or self._answers.update_task(said, now)
            or self._call_other_tool(text, now)
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
            Stage.CALLING: (small_talk.STILL_RUNNING,),
            Stage.ASKING: (small_talk.NOT_YET, self._state.last_question),
        }
        refused = (small_talk.NOT_DONE, self._state.last_refusal)
        return self._state.final_reply(*outcomes.get(self._state.stage, refused))

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

    def _call_other_tool(self, text: str, now: datetime) -> Reply | None:
        return self._other_tools.call_tool(text, now=now) if self._other_tools else None

    def _confirm_other_tool(self, text: str, now: datetime) -> Reply | None:
        if self._other_tools is None or self._state.awaits_answer:
            return None
        return self._other_tools.answer_confirmation(text, now=now)

    def _small_talk(self, said: Interpretation, text: str) -> Reply:
        polite = small_talk.small_talk_reply(said.acts, self._state.style)
        if self._state.task is not None and self._state.stage is Stage.ASKING:
            again = question(self._state.task, self._state.task.missing_slots())
            is_plea = said.acts & {DialogueAct.HELP, DialogueAct.GREETING, DialogueAct.YES}
            before = small_talk.patience(said.acts)
            if before is not None:
                return self._state.final_reply(before, again)
            return self._state.final_reply(
                again if is_plea else f"{small_talk.NOT_UNDERSTOOD} {again}"
            )
        if polite is not None:
            return self._state.final_reply(polite)
        if said.subject is not None:
            return self._state.final_reply(small_talk.HELP)
        if said.is_question:
            return self._state.final_reply(small_talk.OUT_OF_SCOPE)
        return self._state.final_reply(small_talk.not_understood(text), small_talk.WHAT_DO_YOU_NEED)
