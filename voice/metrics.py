"""What is measured of calls, for Prometheus: `/metrics`. Numbers only, no names and no words.

One registry a process. `novasonic.health` serves it; whoever measures something imports its metric here.
"""

from prometheus_client import Counter, Gauge, Histogram

from voice.wire.messages import TurnLatency

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)

CALLS = Gauge("nova_calls", "Calls this process has.")
CALLS_BEGUN = Counter("nova_calls_begun", "Calls begun: new, or restored from store.", ["how"])
CALLS_ENDED = Counter("nova_calls_ended", "Calls ended, by reason.", ["reason"])
CALLS_REFUSED = Counter("nova_calls_refused", "Calls refused, by code.", ["code"])
CALLS_RESUMED = Counter("nova_calls_resumed", "Clients that came back to a call of this process.")
TASKS = Gauge("nova_tasks", "Tasks on this process's event loop.")
DRAINING = Gauge("nova_draining", "1 while this process takes no new calls.")

SESSIONS_OPENED = Counter("nova_sessions_opened", "Nova Sonic sessions opened.")
SESSIONS_RENEWED = Counter("nova_sessions_renewed", "Sessions that calls moved away from in time.")
SESSIONS_LOST = Counter(
    "nova_sessions_lost", "Sessions that broke or could not be opened.", ["failure"]
)
UNKNOWN_EVENTS = Counter("nova_unknown_events", "Events of the service that could not be placed.")

TURN_SECONDS = Histogram(
    "nova_turn_seconds",
    "How long a customer waited for an answer, by part: hearing (end of speech to transcript), model, "
    "tools, server, first_audio (the three together), heard (end of speech to the ear).",
    ["part"],
    buckets=_SECONDS,
)
TOOL_SECONDS = Histogram("nova_tool_seconds", "How long tools ran.", ["tool"], buckets=_SECONDS)
TOOL_RUNS = Counter("nova_tool_runs", "Tool runs, by outcome.", ["tool", "outcome"])
INTERRUPTIONS = Counter("nova_interruptions", "Replies that customers cut off.")
TOKENS = Counter("nova_tokens", "Tokens used.", ["kind"])

FRAMES_REFUSED = Counter("nova_frames_refused", "Frames of clients refused, by code.", ["code"])
AUDIO_DROPPED_SECONDS = Counter(
    "nova_audio_dropped_seconds", "Audio dropped because too much waited.", ["direction"]
)


def observe_turn(latency: TurnLatency) -> None:
    """Measure the parts of a turn's latency that are known."""
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
