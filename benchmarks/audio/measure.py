"""One measurement: one server, one load, a number of calls."""

import gc
import statistics
from dataclasses import asdict, dataclass

from benchmarks.audio.load import Direction, LoadName, Run
from benchmarks.audio.processes import RunningServer
from nova_sonic_simulator.load.endpoint import ModelEndpoint, ModelStream

REAL_TIME_P99_MS = 20.0


@dataclass(frozen=True)
class Latency:
    """Latencies of one direction, in milliseconds, and what went wrong with frames."""

    p50: float
    p95: float
    p99: float
    sent: int
    lost: int
    reordered: int


@dataclass(frozen=True)
class Measurement:
    """All figures of one run."""

    server: str
    load: str
    calls: int
    cpu_us_per_pair: float
    cpu_share: float
    up: Latency
    down: Latency
    memory_idle_mb: float
    memory_per_call_kb: float
    open_ms: float
    first_open_ms: float
    load_cpu_share: float
    load_late_ms: float
    errors: list[str]

    @property
    def is_real_time(self) -> bool:
        """Whether every frame arrived in order, 99 of 100 within 20 ms."""
        ways = (self.up, self.down)
        late = any(way.p99 >= REAL_TIME_P99_MS or way.lost or way.reordered for way in ways)
        return not late and not self.errors

    def as_json(self) -> dict[str, object]:
        """Return it for the file of raw results."""
        return asdict(self) | {"is_real_time": self.is_real_time}


class Model:
    """The model endpoint, whose audio goes to whichever run is on."""

    def __init__(self) -> None:
        self.run: Run | None = None
        self.endpoint = ModelEndpoint(on_audio=self._on_audio, on_event=self._on_event)

    def _on_audio(self, stream: ModelStream, pcm: bytes) -> None:
        if stream.run is None:
            stream.run = self.run
        if self.run is not None and stream.run is self.run:  # else it is late: its run is over
            self.run.audio_received(stream, pcm)

    def _on_event(self, stream: ModelStream, name: str, body: dict[str, object]) -> None:
        pass


async def measured(
    model: Model, running: RunningServer, load: LoadName, calls: int, *, seconds: float
) -> Measurement:
    """Run a load through a server."""
    idle_bytes = running.idle_bytes or running.memory_bytes()
    cpu = [0.0, 0.0]
    memory = [0]

    def at_begin() -> None:
        cpu[0] = running.cpu_s()

    def at_end() -> None:
        cpu[1], memory[0] = running.cpu_s(), running.memory_bytes()

    run = Run(load, calls)
    model.run = run
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        outcome = await run.measure(
            running.server.new_client,
            running.port,
            seconds=seconds,
            at_begin=at_begin,
            at_end=at_end,
        )
    finally:
        gc.enable()
        model.run = None
    used_s = cpu[1] - cpu[0]
    pairs = (outcome.up.sent + outcome.down.sent) / 2
    return Measurement(
        server=running.server.name,
        load=load,
        calls=calls,
        cpu_us_per_pair=used_s / max(pairs, 1) * 1e6,
        cpu_share=used_s / outcome.seconds,
        up=_latency(outcome.up),
        down=_latency(outcome.down),
        memory_idle_mb=idle_bytes / 2**20,
        memory_per_call_kb=(memory[0] - idle_bytes) / calls / 1024,
        open_ms=1000 * statistics.median(outcome.open_s or [0.0]),
        first_open_ms=1000 * (outcome.open_s or [0.0])[0],
        load_cpu_share=outcome.load_cpu_s / outcome.seconds,
        load_late_ms=1000 * outcome.late_s,
        errors=outcome.errors,
    )


def _latency(way: Direction) -> Latency:
    ordered = sorted(way.latencies_s) or [float("inf")]

    def percentile(share: float) -> float:
        return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))]

    return Latency(
        p50=percentile(0.5),
        p95=percentile(0.95),
        p99=percentile(0.99),
        sent=way.sent,
        lost=way.lost,
        reordered=way.reordered,
    )
