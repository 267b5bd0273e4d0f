"""The metrics of calls: for Prometheus at `/metrics`, and for CloudWatch in the log. Numbers only.

Each process has one registry. `novasonic.health` serves it; code that measures something imports
its metric, or the function that observes it, from here.
"""

from prometheus_client import Counter, Gauge, Histogram

from common.dynamodb.failures import failure_listeners
from voice.cloudwatch import MetricsPublisher, log_metrics
from voice.wire.messages import TurnLatency

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)

CALLS = Gauge("nova_calls", "Active calls of this process.")
CALLS_STARTED = Counter("nova_calls_begun", "Calls started: new or restored.", ["how"])
CALLS_ENDED = Counter("nova_calls_ended", "Calls ended, by reason.", ["reason"])
CALL_ERRORS = Counter(
    "nova_call_errors",
    "Calls that ended because of a failure, by the failure of the last session, or `internal`.",
    ["kind"],
)
CALL_COST = Histogram(
    "nova_call_cost_dollars",
    "Cost of the model per call, when it ends.",
    buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
)
CALLS_REFUSED = Counter("nova_calls_refused", "Calls refused, by code.", ["code"])
CALLS_WAITING = Counter(
    "nova_calls_waiting", "Attempts to restore a call that found no free line, by code.", ["code"]
)
SILENT_CALLS_ENDED = Counter(
    "nova_silent_calls_ended", "Calls without speech that ended early because lines were scarce."
)
CALLS_RESUMED = Counter(
    "nova_calls_resumed", "Calls resumed on a new connection, in the same process."
)
TASKS = Gauge("nova_tasks", "Tasks on this process's event loop.")
DRAINING = Gauge("nova_draining", "1 while this process accepts no new calls.")

SESSIONS_OPENED = Counter("nova_sessions_opened", "Nova Sonic sessions opened.")
SESSIONS_RENEWED = Counter(
    "nova_sessions_renewed", "Sessions replaced before they ended (rotation)."
)
SESSIONS_LOST = Counter(
    "nova_sessions_lost", "Sessions that failed or could not be opened.", ["failure"]
)
SESSION_QUOTA_USED = Gauge(
    "nova_session_quota_used_percent",
    "Share of a Region's sessions that all processes have leased.",
    ["region"],
)
MODEL_BUDGET_USED = Gauge(
    "nova_model_budget_used_percent",
    "Share of the budget of minutes of all calls that is used, of the day or the month.",
)
UNKNOWN_EVENTS = Counter("nova_unknown_events", "Events of the service that are not known.")

TURN_SECONDS = Histogram(
    "nova_turn_seconds",
    "Time from the customer's last words to the reply, by part: hearing (end of speech to transcript), "
    "model, tools, server, first_audio (the sum of these three), heard (end of speech to playback).",
    ["part"],
    buckets=_SECONDS,
)
TOOL_SECONDS = Histogram("nova_tool_seconds", "Duration of tool calls.", ["tool"], buckets=_SECONDS)
TOOL_RUNS = Counter("nova_tool_runs", "Tool calls, by outcome.", ["tool", "outcome"])
INTERRUPTIONS = Counter("nova_interruptions", "Replies that customers interrupted.")
TOKENS = Counter("nova_tokens", "Tokens, by kind.", ["kind"])

DYNAMODB_FAILURES = Counter(
    "nova_dynamodb_failures",
    "Requests that DynamoDB did not answer, throttled or refused, by reason.",
    ["reason"],
)
failure_listeners.append(lambda reason: DYNAMODB_FAILURES.labels(reason).inc())

FRAMES_REFUSED = Counter(
    "nova_frames_refused", "Frames of clients that were refused, by error code.", ["code"]
)
CONNECTIONS_REFUSED = Counter(
    "nova_connections_refused",
    "Connections refused, by limit: process, address, websockets (of an address), legacy.",
    ["limit"],
)
AUDIO_DROPPED_SECONDS = Counter(
    "nova_audio_dropped_seconds", "Audio discarded because a buffer was full.", ["direction"]
)


def observe_turn(latency: TurnLatency, *, call_id: str) -> None:
    """Observe the parts of a turn's latency that were measured."""
    parts = {
        "model": latency.model_ms,
        "tools": latency.tool_ms,
        "server": latency.server_ms,
        "first_audio": latency.first_audio_ms,
        "hearing": latency.hearing_ms,
    }
    for part, milliseconds in parts.items():
        if milliseconds is not None:
            TURN_SECONDS.labels(part).observe(max(0.0, milliseconds) / 1000)
    log_metrics(
        "turn answered",
        {"FirstAudio": _rounded(latency.first_audio_ms + (latency.hearing_ms or 0.0))},
        {"call_id": call_id}
        | {f"{part}_ms": _rounded(ms) for part, ms in parts.items() if ms is not None},
    )


def observe_playback(waited_ms: float, *, call_id: str) -> None:
    """Observe how long a customer waited for a reply, until it was heard."""
    TURN_SECONDS.labels("heard").observe(waited_ms / 1000)
    log_metrics("reply heard", {"HeardLatency": _rounded(waited_ms)}, {"call_id": call_id})


def observe_tool_call(tool: str, *, outcome: str, duration_s: float, call_id: str) -> None:
    """Observe a tool call that is over."""
    TOOL_SECONDS.labels(tool).observe(duration_s)
    TOOL_RUNS.labels(tool, outcome).inc()
    latency_ms = {"ToolLatency": _rounded(duration_s * 1000)}
    fields = {"call_id": call_id, "tool": tool, "outcome": outcome}
    log_metrics("tool call finished", latency_ms, fields)


def observe_call_end(*, error_kind: str | None, cost_usd: float, call_id: str) -> None:
    """Observe the end of a call; `error_kind` is None if it did not fail."""
    if error_kind is not None:
        CALL_ERRORS.labels(error_kind).inc()
    CALL_COST.observe(cost_usd)
    log_metrics("call charged", {"CallCost": cost_usd}, {"call_id": call_id})


def publisher() -> MetricsPublisher:
    """Return what logs the counters and gauges for CloudWatch."""
    return MetricsPublisher(
        counters={
            "CallsStarted": CALLS_STARTED,
            "CallsRefused": CALLS_REFUSED,
            "SilentCallsEnded": SILENT_CALLS_ENDED,
            "CallErrors": CALL_ERRORS,
            "Interruptions": INTERRUPTIONS,
            "SessionRotations": SESSIONS_RENEWED,
            "SessionsLost": SESSIONS_LOST,
            "DynamoDBFailures": DYNAMODB_FAILURES,
        },
        gauges={
            "ActiveCalls": CALLS,
            "SessionQuotaUsed": SESSION_QUOTA_USED,
            "ModelBudgetUsed": MODEL_BUDGET_USED,
        },
    )


def _rounded(milliseconds: float) -> float:
    return round(max(0.0, milliseconds), 1)
