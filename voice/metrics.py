"""The Prometheus metrics of calls, served at `/metrics`. Numbers only: no names and no texts.

Each process has one registry. `novasonic.health` serves it; code that measures something imports
its metric from here.
"""

from prometheus_client import Counter, Gauge, Histogram

from voice.wire.messages import TurnLatency

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)

CALLS = Gauge("nova_calls", "Active calls of this process.")
CALLS_STARTED = Counter("nova_calls_begun", "Calls started: new or restored.", ["how"])
CALLS_ENDED = Counter("nova_calls_ended", "Calls ended, by reason.", ["reason"])
CALLS_REFUSED = Counter("nova_calls_refused", "Calls refused, by code.", ["code"])
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

FRAMES_REFUSED = Counter(
    "nova_frames_refused", "Frames of clients that were refused, by error code.", ["code"]
)
AUDIO_DROPPED_SECONDS = Counter(
    "nova_audio_dropped_seconds", "Audio discarded because a buffer was full.", ["direction"]
)


def observe_turn(latency: TurnLatency) -> None:
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
