"""What follows from the events of tools: `ToolCalled` by the service, and `ToolFinished`.

`voice.calls.engine.tool_calls` remembers the tool calls and decides which of them are repetitions.
"""

from voice.calls.engine import commands as c
from voice.calls.engine import events as e
from voice.calls.engine.call_state import CallState, tool_call_message
from voice.calls.engine.tool_calls import ToolCall, ToolCallPhase


def answer_tool_use(call: CallState, event: e.ToolCalled, now: float) -> None:
    """Run the tool, or deliver the result if this repeats a tool call that has one."""
    call.transcript.end_customer_turn()
    call.turn.call_tool(turn=call.transcript.turn)
    tool_call, is_new = call.tool_calls.request(
        event, turn=call.transcript.turn, opened_in=call.turn.opened_in, now=now
    )
    if is_new:
        call.timer.tool_started(now=now)
        call.send(tool_call_message(tool_call))
        call.commands.append(c.RunTool(tool_call=tool_call))
    elif not tool_call.is_running:
        deliver_result(call, tool_call)
        _answer_due(call, now=now)


def tool_finished(call: CallState, event: e.ToolFinished, now: float) -> None:
    """Give the result to the session that waits for it, and show it to the client."""
    tool_call = call.tool_calls.finish(
        event.key, outcome=event.outcome, result=event.result, now=now
    )
    call.timer.tool_finished(now=now)
    call.last_activity_at = now
    deliver_result(call, tool_call)
    _answer_due(call, now=now)
    call.send(tool_call_message(tool_call))


def deliver_result(call: CallState, tool_call: ToolCall) -> None:
    """Give a result to the session that asked for it, or else to the current one as text."""
    for request in tool_call.requests:
        if request.session == call.sessions.current:
            tool_call.phase = ToolCallPhase.DELIVERED
            call.commands.append(
                c.SendToolResult(
                    session=request.session,
                    tool_use_id=request.tool_use_id,
                    result=tool_call.result,
                )
            )
    if tool_call.phase is ToolCallPhase.FINISHED:
        text = call.settings.directives.tool_result(tool_call.name, tool_call.result)
        if call.send_text(text):
            tool_call.phase = ToolCallPhase.DELIVERED


def _answer_due(call: CallState, *, now: float) -> None:
    if call.tool_calls.running_since is None:
        call.turn.give_results(now=now)
