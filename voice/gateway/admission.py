"""Who may call: how many calls this process takes, from whom, and how fast. Pure but for the instants.

A refusal has a reason and says when to try again: a customer who is told "in twenty seconds" waits, and
one who is told nothing storms the line.
"""

from collections import Counter
from dataclasses import dataclass, field

from voice.gateway.rate_limits import Rate, RateLimitByAddress

BUSY_AGAIN_S = 20.0
DRAINING_AGAIN_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionLimits:
    """How much is too much, for one process."""

    calls: int = 50
    sessions: int = 20
    """Sessions of the account's quota that this process may hold at once."""
    sessions_for_renewal: int = 2
    """Of these, how many are kept for calls that are under way."""
    calls_per_address: int = 10
    connections_per_address: int = 40
    starts_per_address: Rate = field(default_factory=lambda: Rate(per_s=0.5, burst=20))
    """Of new calls; and the same again of calls that come back from store."""
    frames_per_address: Rate = field(default_factory=lambda: Rate(per_s=2_000, burst=20_000))
    octets_per_address: Rate = field(default_factory=lambda: Rate(per_s=2**21, burst=10 * 2**21))


class RefusedError(Exception):
    """No call for now; `code` says why, `retry_after_s` when to try again."""

    def __init__(self, code: str, *, retry_after_s: float) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after_s = retry_after_s


class Admission:
    """Counts calls and decides on the next one."""

    def __init__(self, limits: AdmissionLimits) -> None:
        self.is_draining = False
        self._limits = limits
        self._calls: Counter[str] = Counter()
        self._connections: Counter[str] = Counter()
        self._starts = RateLimitByAddress(limits.starts_per_address)
        self._returns = RateLimitByAddress(limits.starts_per_address)
        self._frames = RateLimitByAddress(limits.frames_per_address)
        self._octets = RateLimitByAddress(limits.octets_per_address)

    @property
    def calls(self) -> int:
        """How many calls there are."""
        return self._calls.total()

    def drain(self) -> None:
        """Refuse every call from now on."""
        self.is_draining = True

    def check(self, address: str) -> None:
        """Refuse whom `enter` would refuse now, without counting it.

        Raises:
            RefusedError: see `enter`.

        """
        self.check_again()
        free_sessions = self._limits.sessions - self._limits.sessions_for_renewal
        if self.calls >= min(self._limits.calls, free_sessions):
            raise RefusedError("busy", retry_after_s=BUSY_AGAIN_S)
        if self._calls[address] >= self._limits.calls_per_address:
            raise RefusedError("too_many", retry_after_s=BUSY_AGAIN_S)

    def check_again(self) -> None:
        """Refuse also a call that began on another server.

        Raises:
            RefusedError: draining.

        """
        if self.is_draining:
            raise RefusedError("draining", retry_after_s=DRAINING_AGAIN_S)

    def enter(self, address: str, *, now: float) -> None:
        """Let a call in.

        Raises:
            RefusedError: draining; busy: no more calls, or sessions, for now; too_many: from this address.

        """
        self.check(address)
        if (wait_s := self._starts.take(address, now=now)) is not None:
            raise RefusedError("too_many", retry_after_s=wait_s)
        self._calls[address] += 1

    def enter_again(self, address: str, *, now: float) -> None:
        """Let a call in that began on another server, however many there are.

        Raises:
            RefusedError: draining; too_many: too fast from this address, which may be guessing tokens.

        """
        self.check_again()
        if (wait_s := self._returns.take(address, now=now)) is not None:
            raise RefusedError("too_many", retry_after_s=wait_s)
        self._calls[address] += 1

    def connect(self, address: str) -> bool:
        """Let a connection in; return whether there is room for it."""
        if self._connections[address] >= self._limits.connections_per_address:
            return False
        self._connections[address] += 1
        return True

    def takes_frame(self, address: str, octets: int, *, now: float) -> bool:
        """Return whether one more frame may come from an address, of all its connections."""
        frame = self._frames.take(address, now=now)
        return frame is None and self._octets.take(address, octets, now=now) is None

    def disconnect(self, address: str) -> None:
        """Note that a connection is gone that was let in."""
        _subtract(self._connections, address)

    def leave(self, address: str) -> None:
        """Note that a call is over."""
        _subtract(self._calls, address)


def _subtract(counter: Counter[str], address: str) -> None:
    counter[address] -= 1
    if counter[address] <= 0:
        del counter[address]
